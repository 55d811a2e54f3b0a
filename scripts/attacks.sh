# Sourced by ./demo: what somebody would try, with what that somebody has. Each must be refused, and for the right reason.

attack_everything() {
    step "Now attack it" "With the files, with the network, with root on the machine, with the broker's disk, with the broker itself. Each attempt must fail, and say why."
    attack_the_memory
    attack_the_files
    attack_the_evidence
    attack_the_approvals
    attack_the_ledger
    attack_with_the_broker
}

attack_the_memory() {
    attack "root reads the enclave's memory"
    say "As root: every region of protected memory through /proc/PID/mem, then a debugger."
    local range regions=0
    for range in $(grep secretmem "/proc/$enclave_pid/maps" | cut -d' ' -f1); do
        refuse 1 'input/output error' dd if="/proc/$enclave_pid/mem" of="$stage/stolen" bs=4096 skip=$((16#${range%-*} / 4096)) count=1 status=none
        [[ ! -s $stage/stolen ]] || fail "a page of protected memory was read"
        regions=$((regions + 1))
    done
    ((regions > 0)) || fail "the enclave has no secret memory"
    expect 1 'not permitted|could not attach' gdb -nx -batch -p "$enclave_pid" -ex 'info registers rip'
    ! grep -qE '^rip ' "$stage/out" || fail "the debugger got in"
    refused "$(grep -iE -m1 'not permitted|could not attach' "$stage/out")"
}

copy_sealed() { # NAME: a thief's copy; in $copy
    copy=$stage/$1
    rm -rf "$copy"
    cp -r "$stage/sealed" "$copy"
    victim=$(find "$copy" -name '*.sealed' -size +64k | head -n 1)
}

attack_the_files() {
    attack "the sealed files copied and opened elsewhere, with another key"
    copy_sealed elsewhere
    quietly ./strongroom key create "$stage/thief.key" --danger-unprotected
    refuse 1 'not sealed to' ./strongroom open "$copy" "$stage/loot" --custody "file:$stage/thief.key" --publisher "$stage/K.key.publisher.pub"
    [[ -z $(ls -A "$stage/loot" 2>/dev/null) ]] || fail "something was left in loot"

    attack "one bit of a chunk flipped"
    copy_sealed flipped
    local byte
    byte=$(dd if="$victim" bs=1 skip=20000 count=1 status=none | od -An -tu1)
    printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$victim" bs=1 seek=20000 conv=notrunc status=none
    refuse 1 'was changed, or stands in' ./strongroom open "$copy" "$stage/loot" --custody "file:$stage/K.key"
    refuse 1 'its tree is not the one' ./strongroom verify "$copy" --publisher "$stage/K.key.publisher.pub"

    attack "two chunks swapped"
    copy_sealed swapped
    local chunk=16400 # 16 KiB and its tag
    dd if="$victim" of="$stage/first" bs=1 skip=56 count=$chunk status=none
    dd if="$victim" of="$stage/second" bs=1 skip=$((56 + chunk)) count=$chunk status=none
    cat "$stage/second" "$stage/first" | dd of="$victim" bs=1 seek=56 conv=notrunc status=none
    refuse 1 'was changed, or stands in' ./strongroom open "$copy" "$stage/loot" --custody "file:$stage/K.key"

    attack "a file truncated"
    copy_sealed truncated
    truncate -s -1000 "$victim"
    refuse 1 'cut or appended to' ./strongroom open "$copy" "$stage/loot" --custody "file:$stage/K.key"
    [[ -z $(ls -A "$stage/loot" 2>/dev/null) ]] || fail "something was left in loot"
}

# post PATH JSON: what a stranger says to the broker; the answer in $stage/out
post() {
    curl -sS -k -w '\n' "$broker_url$1" -H 'Content-Type: application/json' -d "$2"
}

run_enclave() { # [OPTION...]: one attempt of an enclave on the machine as it is
    local options
    mapfile -t options < <(enclave_options "${enclave_broker:-$broker_url}" 127.0.0.1:0)
    timeout 60 ./strongroom enclave run "${options[@]}" --no-wait "$@"
}

attack_the_evidence() {
    attack "a stale quote replayed"
    say "The evidence of the release above is public: an attacker takes it from the ledger, and asks with a key of his own for a request that people did approve."
    ask_again
    approve_again
    run ./strongroom ledger show "$(grep -oE 'ledger entry [0-9]+' "$stage/enclave.log" | grep -oE '[0-9]+')" --ledger "$broker_url" --key "$ledger_key" --witness "$witness_key"
    local digest own challenge
    digest=$(found '"evidence": *"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}')
    quietly curl -sS -k --fail "$broker_url/blob/$digest" -o "$stage/evidence"
    own=x25519:$({ head -c 31 /dev/urandom; printf A; } | base64 -w0) # below 2^255: a key has one spelling
    expect 0 '"transcript"' post /v1/challenges "{\"request\":\"$request\",\"hpke_key\":\"$own\",\"memory\":\"secret\",\"configuration\":\"$(printf x | sha256sum | cut -d' ' -f1)\"}"
    challenge=$(found '"id": *"[^"]+"' | cut -d'"' -f4)
    refuse 0 'the quote answers another challenge' post /v1/releases "{\"challenge\":\"$challenge\",\"evidence\":\"$(base64 -w0 "$stage/evidence")\"}"

    attack "another process on the same machine, asking with its own key"
    refuse 1 'started 2 times' run_enclave

    attack "the machine with a changed boot measurement"
    stop "$enclave_pid"
    boot --changed
    refuse 1 'equals none of the reference values' run_enclave
}

attack_the_approvals() {
    attack "an approval reused for another request"
    say "The signed approvals are public too. They are offered again for a request that nobody approved: as they are, then with the request's name changed."
    local approved=$request approval
    run ./strongroom ledger show "$last_approval" --ledger "$broker_url" --key "$ledger_key" --witness "$witness_key"
    approval=$(sed -nE 's/.*"command":(\{[^}]*\}).*"signature":"([^"]+)".*/{"command":\1,"signature":"\2"}/p' "$stage/out")
    [[ $approval == *"$approved"* ]] || fail "entry $last_approval is not the approval of $approved"
    ask_again
    refuse 0 'each is written once' post /v1/commands "$approval"
    refuse 0 'the signature is not one of' post /v1/commands "${approval//$approved/$request}"

    attack "the policy changed between approval and release"
    boot
    approve_again
    write_policy 2 >"$stage/policy2.yaml"
    two_people policy sign "$stage/policy2.yaml"
    refuse 4 'policy' run_enclave
}

attack_the_ledger() {
    attack "a ledger with one entry rewritten"
    run ./strongroom ledger copy "$broker_url" "$stage/copy"
    cp -r "$stage/copy" "$stage/rewritten"
    local bundle
    bundle=$(find "$stage/rewritten/tile/entries" -type f | head -n 1)
    sed -i '0,/approve/s//refused/' "$bundle"
    run ./strongroom ledger verify "$stage/copy" --key "$ledger_key" --witness "$witness_key"
    refuse 1 'is not that of the entries' ./strongroom ledger verify "$stage/rewritten" --key "$ledger_key" --witness "$witness_key"

    attack "a restored backup of the ledger"
    say "The broker's disk is put back to what it was before the last decisions. The witness has seen more."
    run ./strongroom backup "$stage/broker" "$stage/backup"
    ask_again
    stop "$broker_pid"
    cp -r "$stage/broker" "$stage/broker-as-it-is"
    rm -f "$stage"/broker/ledger.db*
    cp "$stage/backup/ledger.db" "$stage/broker/ledger.db"
    refuse 71 'it is an old copy' timeout 30 ./strongroom broker --dir "$stage/broker"
    rm -rf "$stage/broker"
    mv "$stage/broker-as-it-is" "$stage/broker"
    start_broker
}

attack_with_the_broker() {
    local lie words reason
    for lie in no-proof no-witness; do
        if [[ $lie == no-proof ]]; then
            words="a key offered without a proof" reason='brings no proof'
        else
            words="a key offered with a proof that no witness has seen" reason='has not signed it'
        fi
        attack "$words"
        [[ $lie == no-proof ]] && say "The broker's own operator has turned: with the broker's TLS key he answers in its place and withholds the proof that the release is recorded."
        boot
        ask_again
        approve_again
        start "dishonest-$lie" 'listens' dotnet run --no-build scripts/dishonest-broker.cs "127.0.0.1:$(port 3)" "$broker_url" "$stage/broker" "$lie"
        local liar=$pid
        enclave_broker=https://127.0.0.1:$(port 3) refuse 1 "$reason" run_enclave
        stop "$liar"
    done
}
