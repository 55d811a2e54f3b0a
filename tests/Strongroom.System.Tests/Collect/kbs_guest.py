"""A guest of the KBS protocol (spec/kbs.md) that has nothing of Strongroom: asks its kernel, attests, and opens the answer with Debian's python3-jwcrypto.

usage: kbs_guest.py ADDRESS:PORT SHA256_OF_CERTIFICATE RESOURCE      prints the keys in hexadecimal, or the problem's detail and exits with 1"""
import base64, hashlib, http.client, json, os, ssl, sys
from jwcrypto import jwe, jwk

address, pin, resource = sys.argv[1:]
context = ssl.create_default_context()
context.minimum_version, context.check_hostname, context.verify_mode = ssl.TLSVersion.TLSv1_3, False, ssl.CERT_NONE
line = http.client.HTTPSConnection(address, context=context)
line.connect()
assert hashlib.sha256(line.sock.getpeercert(binary_form=True)).hexdigest() == pin, "another broker"


def canonical(value):  # all of it is ASCII without anything to escape, and there are no numbers
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def ask(method, path, body=None, cookie=None):
    headers = {"Content-Type": "application/json"} | ({"Cookie": cookie} if cookie else {})
    line.request(method, "/kbs/v0/" + path, None if body is None else json.dumps(body), headers)
    answer = line.getresponse()
    said = json.loads(answer.read())
    if answer.status != 200:
        sys.exit(said["detail"])
    return said, answer.getheader("Set-Cookie")


def quote(report_data):
    entry = "/sys/kernel/config/tsm/report/kbs_guest"
    os.mkdir(entry)
    try:
        with open(entry + "/inblob", "wb", buffering=0) as challenge:
            challenge.write(report_data)
        with open(entry + "/outblob", "rb") as report:
            return report.read()
    finally:
        os.rmdir(entry)


key = jwk.JWK.generate(kty="EC", crv="P-256")
public = {"alg": "ECDH-ES+A256KW"} | {name: key.export_public(as_dict=True)[name] for name in ("crv", "kty", "x", "y")}
challenge, cookie = ask("POST", "auth", {"version": "0.4.0", "tee": "tdx", "extra-params": ""})
cookie = cookie.split(";")[0]
bound = hashlib.sha384(canonical({"additional-evidence": "", "nonce": challenge["nonce"], "tee-pubkey": public})).digest() + bytes(16)
evidence = {"primary_evidence": {"quote": base64.b64encode(quote(bound)).decode()}, "additional_evidence": ""}
ask("POST", "attest", {"runtime-data": {"nonce": challenge["nonce"], "tee-pubkey": public}, "tee-evidence": evidence, "init-data": None}, cookie)
sealed, _ = ask("GET", "resource/" + resource, cookie=cookie)
token = jwe.JWE(algs=["ECDH-ES+A256KW", "A256GCM"])
token.deserialize(json.dumps(sealed), key)
assert token.jose_header["resource"] == resource, "an answer for another resource"
print(token.payload.hex())
