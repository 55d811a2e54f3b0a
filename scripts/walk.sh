# Sourced by ./demo: the walk of one key, from sealing to an answer.

as() { # PROFILE COMMAND...: strongroom, run by that person
    local person=$1
    shift
    STRONGROOM_PROFILE=$stage/people/$person.json "$@"
}

found() { grep -oE "$1" "$stage/out" | head -n 1; } # the first match in what was last printed

port() { echo $((ports + $1)); }

model_name=king-james
model_dir=samples/kjv

seal_the_model() {
    step "Seal the model" "A lab encrypts its weights once, chunk by chunk, and signs what it made. From here on the files are worthless without the key: anyone may store or copy them."
    run ./strongroom key create "$stage/K.key" --danger-unprotected
    run ./strongroom seal "$model_dir" "$stage/sealed" --custody "file:$stage/K.key" --name "$model_name" --version 1
    run ./strongroom verify "$stage/sealed" --publisher "$stage/K.key.publisher.pub"
}

start_witness_and_broker() {
    step "Start a witness and a broker" "The broker decides and remembers; the witness, run by somebody else, countersigns only a memory that grows and never changes. Nothing is released that it has not seen."
    ports=$((20000 + RANDOM % 12000)) # below those that the kernel gives to whoever connects
    local origin=demo.example/strongroom
    run ./strongroom witness key create "$stage/witness.key" --name witness.example
    witness_key=$(found 'witness\.example\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+')
    run ./strongroom init "$stage/broker" --ledger "$origin" --person lead --person security --people "$stage/people" --danger-unprotected \
        --custody "file:$stage/K.key" --listen "127.0.0.1:$(port 0)" --witness "$witness_key" --witness-url "http://127.0.0.1:$(port 1)"
    ledger_key=$(found "demo\.example/strongroom\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+")
    broker_key=$(found '\b[0-9a-f]{64}\b')
    broker_url=https://127.0.0.1:$(port 0)
    start witness 'listens on' ./strongroom witness --key "$stage/witness.key" --ledger "$ledger_key" --listen "127.0.0.1:$(port 1)" --state "$stage/witness-state"
    start_broker
}

start_broker() {
    start broker 'listens on' ./strongroom broker --dir "$stage/broker"
    broker_pid=$pid
}

# two_people COMMAND...: the lead proposes, the head of security reads it in words and agrees.
two_people() {
    expect 4 "proposal-" as lead ./strongroom "$@" --yes
    run as security ./strongroom approve "$(found 'proposal-[0-9a-f]{32}')" --yes
}

record_whom_to_trust() {
    step "Two people record whom to trust" "The maker of the machine's TPM, what it must boot, whose models, which people, under which policy: nothing of that changes by one person alone, not even here at the start."
    make_machine
    boot
    two_people root add "$stage/machine/swtpm-localca-rootca-cert.pem"
    run ./strongroom enclave measure --tpm "$tpm"
    local claims
    mapfile -t claims < <(grep -oE '"pcr[0-9]+": *"[0-9a-f]{64}"' "$stage/out" | sed -E 's/"(pcr[0-9]+)": *"([0-9a-f]+)"/\1=\2/')
    two_people reference add laboratory "${claims[@]}"
    two_people publisher add lab "$stage/K.key.publisher.pub"
    local person
    for person in operator:operators owner:owners guard:security; do
        two_people person add "${person%:*}" --group "${person#*:}" --people "$stage/people" --danger-unprotected
    done
    write_policy 1 >"$stage/policy.yaml"
    run ./strongroom policy check "$stage/policy.yaml"
    two_people policy sign "$stage/policy.yaml"
}

write_policy() { # HOURS of lease
    cat <<POLICY
policy: v1
rules:
  - name: the demo serves the laboratory
    models: [$model_name]
    purposes: [inference]
    machines:
      - evidence: tpm
        reference_values: [laboratory]
        maximum_evidence_age: 1 minute
        maximum_starts_per_boot: 1
    approvals:
      - { group: owners, people: 1 }
      - { group: security, people: 1 }
    memory: [secret]
    check_tree: true
    maximum_lease: $1 hour
    maximum_approval: 1 hour
    maximum_request: 1 day
POLICY
}

enrol_the_machine() {
    step "Enrol the machine by its TPM" "The broker sends a riddle that only the chip named in the maker's certificate can open, and only for the signing key that lives in that chip. A copied disk cannot do that."
    run as operator ./strongroom machine enrol --tpm "$tpm" --intermediate "$stage/machine/issuercert.pem" --yes
    machine=$(found 'machine-[0-9a-f]{32}')
    measurement=$(found 'measured [0-9a-f]{64}' | cut -d' ' -f2)
    run as operator ./strongroom model add "$stage/sealed" --publisher lab --yes
}

# open_request: a new request for this machine; its id in $request.
open_request() {
    expect 0 'request-' as operator ./strongroom request open "$model_name" --machine "$machine" --purpose inference --lease "1 hour" --yes
    request=$(found 'request-[0-9a-f]{32}')
}

approve_request() {
    expect 0 'security' as owner ./strongroom approve "$request" --yes
    run as guard ./strongroom approve "$request" --yes
}

# The same again, for a new request, without all the words.
ask_again() {
    quietly as operator ./strongroom request open "$model_name" --machine "$machine" --purpose inference --lease "1 hour" --measurement "$measurement" --yes
    request=$(found 'request-[0-9a-f]{32}')
    say "(a new request: $request)"
}

approve_again() {
    quietly as owner ./strongroom approve "$request" --yes
    quietly as guard ./strongroom approve "$request" --yes
    last_approval=$(found '\(ledger entry [0-9]+\)' | grep -oE '[0-9]+')
    say "(approved by two people: ledger entries $((last_approval - 1)) and $last_approval)"
}

ask_and_approve() {
    step "A person asks, and it is pending" "A request names one model, one machine in its measured state, one purpose and one lease. Who asks does not approve."
    open_request
    expect 4 'approv|owners|security' as operator ./strongroom policy explain "$request"
    expect 1 'own|opened' as operator ./strongroom approve "$request" --yes
    step "Two people approve what they are shown in words" "What they sign binds all of it: model digest, machine, measurement, policy, purpose, lease. If any of it changes, the approval is worth nothing."
    approve_request
}

enclave_options() { # BROKER_URL LISTEN
    printf '%s\n' --sealed "$stage/sealed" --request "$request" --broker "$1" --broker-key "$broker_key" --ledger "$ledger_key" --witness "$witness_key" \
        --publisher "$stage/K.key.publisher.pub" --tpm "$tpm" --event-log "$stage/machine/event-log" --state "$stage/machine/enclave" \
        --client-key-file "$stage/client-keys" --listen "$2" --control 127.0.0.1:0
}

release_and_run() {
    step "Release, and run in protected memory" "The enclave measures its own key into the TPM, proves the boot, and gets the model key wrapped to that key, with the proof that the decision stands in the cosigned ledger. It checks all that, then decrypts into memory that the kernel cannot read."
    client_key=$(head -c 24 /dev/urandom | base64)
    printf %s "$client_key" | sha256sum | cut -d' ' -f1 >"$stage/client-keys"
    mapfile -t options < <(enclave_options "$broker_url" "127.0.0.1:$(port 2)")
    start enclave '^ready|ready:' ./strongroom enclave run "${options[@]}"
    enclave_pid=$pid
    show "$stage/enclave.log"
    run as operator ./strongroom lease list
    step "Ask it something" "Any client of the usual inference API: here curl, over TLS, with a client key."
    run curl -sS --fail --cacert "$stage/machine/enclave/enclave.crt" "https://127.0.0.1:$(port 2)/v1/completions" -H "Authorization: Bearer $client_key" \
        -H 'Content-Type: application/json' -d "{\"model\":\"$model_name\",\"prompt\":\"And God said\",\"max_tokens\":48,\"temperature\":0.6,\"seed\":7}"
    grep -q '"text"' "$stage/out" || fail "no text came back"
}

leave_running() {
    boot
    ask_again
    approve_again
    mapfile -t options < <(enclave_options "$broker_url" "127.0.0.1:$(port 2)")
    start enclave '^ready|ready:' ./strongroom enclave run "${options[@]}"
    cat <<RUNNING

Left running; Ctrl-C ends it. Directory: $stage
  inference API  https://127.0.0.1:$(port 2)/v1   key: $client_key   certificate: $stage/machine/enclave/enclave.crt
  broker         $broker_url   ledger: $ledger_key
  witness        http://127.0.0.1:$(port 1)   key: $witness_key
  people         STRONGROOM_PROFILE=$stage/people/{lead,security,operator,owner,guard}.json ./strongroom ...
RUNNING
}
