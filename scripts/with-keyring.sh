#!/usr/bin/env bash
# Runs a command with a Secret Service of its own: a private message bus and an unlocked keyring that are gone when the
# command ends. Needs the Debian packages dbus, gnome-keyring and libsecret-tools.
#
# Usage: scripts/with-keyring.sh COMMAND [ARGUMENT...]
#   KEYRING_DIRECTORY  where the keyring is kept (default: a fresh directory, removed afterwards)
#   KEYRING_PASSWORD   another one than before leaves the keyring locked (default: test-only)
#   KEYRING_SERVICE    unlocked (default); asleep: started by whoever asks for it, without any collection;
#                      none: nothing on the bus provides one
set -euo pipefail
if [ -n "${KEYRING_DIRECTORY:-}" ]; then
  root=$KEYRING_DIRECTORY
else
  root=$(mktemp -d)
  # The keyring ends after its bus, and may write once more meanwhile.
  remove() {
    for _ in $(seq 100); do
      rm -rf "$root" 2>/dev/null && return
      sleep 0.05
    done
    rm -rf "$root"
  }
  trap remove EXIT
fi
for directory in home run data; do mkdir -p -m 700 "$root/$directory"; done
service=${KEYRING_SERVICE:-unlocked}
configuration=()
if [ "$service" = none ]; then
  cat >"$root/bus.conf" <<'CONFIGURATION'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
CONFIGURATION
  configuration=(--config-file="$root/bus.conf")
fi
env -u DISPLAY -u WAYLAND_DISPLAY -u DBUS_SESSION_BUS_ADDRESS \
  HOME="$root/home" XDG_RUNTIME_DIR="$root/run" XDG_DATA_HOME="$root/data" \
  KEYRING_SERVICE="$service" KEYRING_PASSWORD="${KEYRING_PASSWORD:-test-only}" \
  dbus-run-session "${configuration[@]}" -- bash -euc '
    if [ "$KEYRING_SERVICE" = unlocked ]; then
      printf %s "$KEYRING_PASSWORD" | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
      for _ in $(seq 100); do
        secret-tool search --all probe none >/dev/null 2>&1 && break
        sleep 0.05
      done
    fi
    "$@"' _ "$@"
