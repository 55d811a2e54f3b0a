# Sourced by ./demo: a machine with a TPM 2.0 (swtpm), its maker's certificates, and its boots.

tpm=unix:$'' # set by make_machine

make_machine() {
    local home=$stage/machine
    mkdir -p "$home/state" "$home/enclave"
    printf 'statedir = %s\nsigningkey = %s/signkey.pem\nissuercert = %s/issuercert.pem\ncertserial = %s/certserial\n' "$home" "$home" "$home" "$home" >"$home/ca.conf"
    printf -- '--platform-manufacturer Strongroom\n--platform-version 1\n--platform-model demo\n' >"$home/ca.options"
    printf 'create_certs_tool = %s\ncreate_certs_tool_config = %s/ca.conf\ncreate_certs_tool_options = %s/ca.options\nactive_pcr_banks = sha256\n' \
        "$(command -v swtpm_localca)" "$home" "$home" >"$home/setup.conf"
    quietly swtpm_setup --tpm2 --tpmstate "$home/state" --create-ek-cert --lock-nvram --config "$home/setup.conf"
    tpm=swtpm:unix:$home/tpm
    tpm_pid=
}

# boot [--changed]: power off and on, then firmware, boot loader and kernel are measured into the TPM.
boot() {
    local home=$stage/machine
    [[ -z $tpm_pid ]] || stop "$tpm_pid"
    rm -f "$home/tpm"
    swtpm socket --tpm2 --tpmstate "dir=$home/state" --server "type=unixio,path=$home/tpm" --flags not-need-init,startup-clear >"$stage/swtpm.log" 2>&1 </dev/null &
    tpm_pid=$!
    children+=("$tpm_pid")
    local tries=0
    until [[ -S $home/tpm ]]; do ((++tries < 100)) || fail "swtpm did not start"; sleep 0.1; done
    quietly ./strongroom enclave rehearse-boot --tpm "$tpm" --event-log "$stage/machine/event-log" "$@"
}
