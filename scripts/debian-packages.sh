# Sourced by ./demo and ./test: installs the Debian packages named in its arguments, says what and why, and does nothing when they are there.
# Each argument is COMMAND_OR_FILE:PACKAGE:WHY. Returns 3 when something is missing and cannot be installed here.
debian_packages() {
    local entry what package why missing=()
    for entry in "$@"; do
        IFS=: read -r what package why <<<"$entry"
        { [[ $what == /* && -e $what ]] || command -v "$what" >/dev/null 2>&1; } && continue
        [[ " ${missing[*]-} " == *" $package "* ]] || { missing+=("$package"); printf 'needs %-14s %s\n' "$package" "$why"; }
    done
    ((${#missing[@]})) || return 0
    local root=()
    if ((EUID != 0)); then
        if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
            root=(sudo -n)
        else
            printf 'Missing: %s. As root: apt-get install -y --no-install-recommends %s\n' "${missing[*]}" "${missing[*]}" >&2
            return 3
        fi
    fi
    command -v apt-get >/dev/null || { printf 'Missing: %s, and this machine has no apt-get to install them with.\n' "${missing[*]}" >&2; return 3; }
    printf 'Installing %s ...\n' "${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -5 "$log" >&2
        printf 'Could not install %s; the whole log: %s\n' "${missing[*]}" "$log" >&2
        return 3
    fi
    rm -f "$log"
}
