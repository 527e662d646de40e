#!/usr/bin/env bash
# Runs a command with a Secret Service of its own: a private message bus and an unlocked, empty keyring that are gone when
# the command ends. Needs the Debian packages dbus, gnome-keyring and libsecret-tools.
# Usage: scripts/with-keyring.sh COMMAND [ARGUMENT...]
set -euo pipefail
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -m 700 "$root"/{home,run,data}
env -u DISPLAY -u WAYLAND_DISPLAY -u DBUS_SESSION_BUS_ADDRESS \
  HOME="$root/home" XDG_RUNTIME_DIR="$root/run" XDG_DATA_HOME="$root/data" \
  dbus-run-session -- bash -euc '
    printf %s test-only | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
    for _ in $(seq 100); do
      secret-tool search --all probe none >/dev/null 2>&1 && break
      sleep 0.05
    done
    "$@"' _ "$@"
