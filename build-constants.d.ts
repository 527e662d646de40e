// The values that the build writes into every bundle. They do not exist when a source file runs unbundled: read them behind a `typeof` guard.

/** Content hash of everything that is bundled, 16 lower-case hex digits: the same sources give the same id in every directory. */
declare const __M_BUILD__: string;
/** The version in package.json. */
declare const __M_VERSION__: string;
/** When this content was first built here, in milliseconds since 1970. */
declare const __M_BUILT_AT__: number;
