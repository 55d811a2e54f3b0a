# Sourced by ./demo, ./test and ./strongroom before they build: how the .NET SDK runs, and that it is there. Returns 3, and says what to do, when it is not.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 # it starts without ICU's libraries, which a small Debian lacks
export DOTNET_GENERATE_ASPNET_CERTIFICATE=false # no private key of its own making in the home directory
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

sdk_is_there() {
    command -v dotnet >/dev/null || { echo "The .NET 10 SDK is missing: install it from https://dot.net, then run this again." >&2; return 3; }
    local said
    said=$(cd "$(dirname "${BASH_SOURCE[0]}")" && dotnet --version 2>&1) && return # global.json says which SDKs will do
    printf '%s\n' "$said" | head -n 20 >&2
    echo "The .NET 10 SDK does not start, or is another version: install it from https://dot.net, then run this again." >&2
    return 3
}
