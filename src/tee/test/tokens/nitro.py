"""Documents of Nitro, and certificates for them."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from forge import case, cbor, h, key, sign1, without

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime(2026, 1, 2)
ROOT, MIDDLE, LEAF, OTHER = (key(-35, n) for n in (5, 6, 7, 4))


def cert(subject, k, issuer, issuer_key, ca, days=(-1, 1), path=None, usage=None):
    name = [x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, n)]) for n in (subject, issuer)]
    use = {u: False for u in ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                              "encipher_only", "decipher_only")} | {"crl_sign": usage is False}
    sign = ca if usage is None else usage
    return (x509.CertificateBuilder().subject_name(name[0]).issuer_name(name[1]).public_key(k.public_key())
            .serial_number(7).not_valid_before(NOW + days[0] * DAY).not_valid_after(NOW + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=path if ca else None), True)
            .add_extension(x509.KeyUsage(digital_signature=not ca, key_cert_sign=sign, **use), True)
            .sign(issuer_key, hashes.SHA384(), ecdsa_deterministic=True)
            .public_bytes(serialization.Encoding.DER))


TOP = cert("root", ROOT, "root", ROOT, True, (-9, 9))
END = cert("leaf", LEAF, "root", ROOT, False)
DOCUMENT = {"module_id": "i-1", "digest": "SHA384", "timestamp": 1767312000000, "pcrs": {n: h(n + 1, 48) for n in range(4)},
            "certificate": END, "cabundle": [TOP], "public_key": None, "user_data": b"data", "nonce": h(7, 20)}


def nitro(code, name, change={}, gone=(), k=LEAF, alg=-35, tag=0, wire=cbor, **wrong):
    case("nitro", code, name, sign1(wire(without(DOCUMENT | change, *gone)), k, alg, tag=tag, **wrong))


def nitro_documents():
    bad, odd = "malformed", "unsupported"
    nitro("ok", "document")
    nitro("ok", "document-with-tag", tag=18)
    nitro("ok", "document-that-ends-by-a-break", wire=lambda d: b"\xbf" + cbor(d)[1:] + b"\xff")
    nitro("ok", "without-what-is-optional", gone=("public_key", "user_data", "nonce"))
    nitro("ok", "unknown-claim", {"tomorrow": [1]})
    nitro("bad-signature", "signed-by-the-issuer", k=ROOT)
    nitro(odd, "signed-with-es256", k=key(-7, 2), alg=-7)
    nitro("symmetric", "mac0", tag=17)
    nitro("alg-unprotected", "alg-unprotected", protected=b"", unprotected={1: -35})
    for claim in ("module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"):
        nitro(bad, f"without-{claim}", gone=(claim,))
    for claim in DOCUMENT:
        nitro(bad, f"{claim}-of-another-type", {claim: False})
    pcrs = DOCUMENT["pcrs"]
    for name, change in {
            "timestamp-of-zero": {"timestamp": 0}, "no-pcrs": {"pcrs": {}}, "pcr-32": {"pcrs": pcrs | {32: h(1, 48)}},
            "pcr-by-name": {"pcrs": pcrs | {"0": h(1, 48)}}, "pcr-of-32-bytes": {"pcrs": pcrs | {3: h(1)}},
            "without-pcr-0": {"pcrs": without(pcrs, 0)}, "without-pcr-2": {"pcrs": without(pcrs, 2)},
            "empty-bundle": {"cabundle": []}, "bundle-of-nine": {"cabundle": [TOP] * 9}, "bundle-of-text": {"cabundle": ["x"]},
            "certificate-is-none": {"certificate": b"\x30\0"}, "certificate-with-trailing-byte": {"certificate": END + b"\0"},
            "bundled-certificate-is-none": {"cabundle": [TOP, b"x"]}, "user-data-of-1025": {"user_data": h(1, 1025)},
            "empty-public-key": {"public_key": b""}, "empty-module-id": {"module_id": ""}}.items():
        nitro(bad, name, change)
    nitro(odd, "digest-of-sha256", {"digest": "SHA256"})
    nitro(bad, "pcrs-that-end-by-a-break", wire=lambda d: cbor(d).replace(cbor(pcrs), b"\xbf" + cbor(pcrs)[1:] + b"\xff"))
    for n in range(3):
        nitro("debug", f"pcr-{n}-is-zero", {"pcrs": pcrs | {n: bytes(48)}})


def nitro_chains():
    middle = cert("middle", MIDDLE, "root", ROOT, True)
    low = cert("leaf", LEAF, "middle", MIDDLE, False)
    nitro("ok", "chain-of-three", {"certificate": low, "cabundle": [TOP, middle]})
    nitro("ok", "bundle-in-another-order", {"certificate": low, "cabundle": [middle, TOP]})
    for name, leaf, bundle in (
            ("middle-missing", low, [TOP]), ("root-missing", END, [middle]), ("leaf-alone", cert("leaf", LEAF, "leaf", LEAF, False), [TOP]),
            ("root-of-another-key", cert("leaf", LEAF, "root", OTHER, False), [cert("root", OTHER, "root", OTHER, True)]),
            ("leaf-signed-by-another", cert("leaf", LEAF, "root", OTHER, False), [TOP]),
            ("middle-is-no-ca", low, [TOP, cert("middle", MIDDLE, "root", ROOT, False)]),
            ("middle-may-not-sign", low, [TOP, cert("middle", MIDDLE, "root", ROOT, True, usage=False)]),
            ("middle-of-another-name", cert("leaf", LEAF, "center", MIDDLE, False), [TOP, middle]),
            ("path-too-long", cert("leaf", LEAF, "lower", OTHER, False), [TOP, cert("middle", MIDDLE, "root", ROOT, True, path=0),
             cert("lower", OTHER, "middle", MIDDLE, True)])):
        nitro("bad-chain", name, {"certificate": leaf, "cabundle": bundle})
    for code, name, days in (("expired", "over", (-3, -1)), ("not-yet-valid", "to-come", (1, 3))):
        nitro(code, f"leaf-{name}", {"certificate": cert("leaf", LEAF, "root", ROOT, False, days)})
        nitro(code, f"middle-{name}", {"certificate": low, "cabundle": [TOP, cert("middle", MIDDLE, "root", ROOT, True, days)]})
    zero = DOCUMENT["pcrs"] | {0: bytes(48)}
    nitro("expired", "over-and-debug", {"certificate": cert("leaf", LEAF, "root", ROOT, False, (-3, -1)), "pcrs": zero})
