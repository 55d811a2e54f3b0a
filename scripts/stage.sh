# Sourced by ./demo: says what happens, runs it, and holds it against what should have happened. The first thing that comes out otherwise ends the demo.

if [[ -t 1 ]]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' dim='' red='' green='' plain=''; fi
children=()
step_number=0

step() { # TITLE WHY
    step_number=$((step_number + 1))
    printf '\n%s%d. %s%s\n' "$bold" "$step_number" "$1" "$plain"
    printf '   %s\n' "$2" | fold -s -w 120 | sed '2,$s/^/   /'
}

say() { printf '   %s\n' "$*"; }

fail() {
    printf '\n%sNOT AS IT SHOULD BE:%s %s\n' "$red" "$plain" "$*" >&2
    exit 1
}

show() { sed "s/^/   ${dim}|${plain} /" "$1"; }

command_line() { # what a person would type: paths of this run shortened
    local text=$*
    text=${text//"$stage/"/}
    printf '   %s$ %s%s\n' "$dim" "${text//"$root/"/./}" "$plain"
}

# run COMMAND...: shows it and its output, and demands exit code 0.
run() { expect 0 '' "$@"; }

# expect CODE PATTERN COMMAND...: as run, but demands this exit code, and PATTERN (grep -E) in what it printed.
expect() {
    local want=$1 pattern=$2 code=0
    shift 2
    command_line "$@"
    "$@" >"$stage/out" 2>&1 </dev/null || code=$?
    show "$stage/out"
    ((code == want)) || fail "exit code $code instead of $want from: $*"
    [[ -z $pattern ]] || grep -qiE "$pattern" "$stage/out" || fail "nothing like /$pattern/ in what it said: $*"
}

# quietly COMMAND...: for stage hands; shown only when it comes out otherwise.
quietly() { quietly_expect 0 "$@"; }

quietly_expect() { # CODE COMMAND...
    local want=$1 code=0
    shift
    "$@" >"$stage/out" 2>&1 </dev/null || code=$?
    ((code == want)) || { show "$stage/out"; fail "exit code $code instead of $want from: $*"; }
}

attacks=0
# attack TITLE: what follows must be refused.
attack() {
    attacks=$((attacks + 1))
    printf '\n   %sAttack %d: %s%s\n' "$bold" "$attacks" "$1" "$plain"
}

refused() { printf '   %srefused:%s %s\n' "$green" "$plain" "$*"; }

# refuse CODE PATTERN COMMAND...: the attack's decisive command; demands this refusal and no other.
refuse() {
    expect "$@"
    refused "$(grep -iE -m1 "$2" "$stage/out" | sed -E 's/.*"detail":"([^"]*)".*/\1/' | cut -c1-200)"
}

# start NAME PATTERN COMMAND...: starts a program and waits until it prints PATTERN; its process id is in $pid.
start() {
    local name=$1 pattern=$2
    shift 2
    command_line "$@" '&'
    "$@" >"$stage/$name.log" 2>&1 </dev/null &
    pid=$!
    children+=("$pid")
    await "$name" "$pattern" "$pid"
}

# await NAME PATTERN PID: until NAME's log says PATTERN; at most 60 seconds.
await() {
    local tries=0
    until grep -qE "$2" "$stage/$1.log" 2>/dev/null; do
        kill -0 "$3" 2>/dev/null || { show "$stage/$1.log"; fail "$1 stopped"; }
        ((++tries < 600)) || { show "$stage/$1.log"; fail "$1 did not say '$2' within a minute"; }
        sleep 0.1
    done
}

# stop PID: ends a program and waits for its end.
stop() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

strike() {
    local pid
    for pid in "${children[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
}
