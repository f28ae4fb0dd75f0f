"""Tokens of CCA; their platform is the device of psa.py."""
import hashlib

from forge import case, cbor, cose_key, h, key, point, sign1, without
from psa import IAK, SOFTWARE

RAK, OTHER = key(-35, 3), key(-35, 4)
PLATFORM = {265: "tag:arm.com,2023:cca_platform#1.0.0", 256: b"\1" + h(4), 2396: h(5), 2395: 0x3003, 2401: b"cfg",
            2402: "sha-256", 2399: [SOFTWARE], 2400: "a.example"}
REALM = {10: h(7, 64), 44235: h(8, 64), 44236: "sha-256", 44240: "sha-256", 44238: h(9), 44239: [h(n) for n in range(4)]}
MODERN = {265: "tag:arm.com,2023:realm#1.0.0"}
HASHES = {"sha-256": hashlib.sha256, "sha-384": hashlib.sha384, "sha-512": hashlib.sha512}


def cca(code, name, rak=None, platform={}, realm={}, gone=(), tag=907, wrap=None, wire=cbor, p=None, r=None,
        signer=RAK, challenge=None, **wrong):
    """rak None: the point, or the COSE_Key if a profile is there."""
    claims = without(REALM | realm, *gone)
    rak = rak if rak is not None else cose_key(RAK) if 265 in claims else point(RAK)
    claims[44237] = rak
    hash_ = HASHES.get(claims.get(44240), hashlib.sha256)
    ties = {10: hash_(rak).digest() if challenge is None else challenge}
    signed = sign1(without(PLATFORM | ties | platform, *gone), IAK, -7) if p is None else p
    inner = sign1(without(claims, *gone), signer, -35, **wrong) if r is None else r
    wrap = wrap or ((lambda t: t) if tag == 399 else (lambda t: [263, t]))
    case("cca", code, name, wire((tag, {44234: wrap(signed), 44241: wrap(inner)})))


def cca_wrappers():
    bad = "malformed"
    cca("ok", "legacy")
    cca("ok", "legacy-in-tag-399", tag=399)
    cca("ok", "modern", realm=MODERN)
    cca("ok", "modern-of-2024", realm={265: "tag:arm.com,2024:realm#2.0.0", 44243: 1, 256: h(1, 33)})
    cca(bad, "tag-400", tag=400)
    cca(bad, "records-in-tag-399", tag=399, wrap=lambda t: [263, t])
    cca(bad, "bytes-in-tag-907", wrap=lambda t: t)
    cca(bad, "record-of-another-type", wrap=lambda t: [262, t])
    cca(bad, "record-of-three", wrap=lambda t: [263, t, 1])
    cca(bad, "record-of-text", wrap=lambda t: [263, "t"])
    cca(bad, "without-wrapper", wire=lambda v: cbor(v[1]))
    for gone, name in ((44234, "platform"), (44241, "realm")):
        cca(bad, f"{name}-token-missing", wire=lambda v, gone=gone: cbor((v[0], without(v[1], gone))))
    cca(bad, "member-too-many", wire=lambda v: cbor((v[0], v[1] | {44242: 0})))
    cca(bad, "member-of-another-name", wire=lambda v: cbor((v[0], without(v[1], 44241) | {44242: v[1][44241]})))
    cca(bad, "trailing-byte", wire=lambda v: cbor(v) + b"\0")
    cca("bad-signature", "platform-of-another-device", p=sign1(PLATFORM, key(-7, 2), -7))
    cca("symmetric", "platform-mac0", p=sign1(PLATFORM, IAK, -7, tag=17))
    cca("alg-unprotected", "platform-alg-unprotected", p=sign1(PLATFORM, IAK, -7, protected=b"", unprotected={1: -7}))
    cca("symmetric", "realm-mac0", tag=907, r=sign1(REALM, RAK, -35, tag=17))
    cca("alg-unprotected", "realm-alg-unprotected", r=sign1(REALM, RAK, -35, protected=b""))
    cca("bad-signature", "realm-alg-of-another-curve", r=sign1(REALM | {44237: point(RAK)}, RAK, -7))


def cca_claims():
    bad, odd = "malformed", "unsupported"
    for name in HASHES:
        cca("ok", f"bound-by-{name}", realm={44240: name})
    cca("binding", "challenge-of-another-key", challenge=hashlib.sha256(point(OTHER)).digest())
    cca("binding", "challenge-of-another-hash", challenge=hashlib.sha512(point(RAK)).digest())
    cca("binding", "challenge-of-the-encoded-claim", challenge=hashlib.sha256(cbor(point(RAK))).digest())
    cca("binding", "challenge-cut", realm={44240: "sha-512"}, challenge=hashlib.sha512(point(RAK)).digest()[:48])
    cca(odd, "bound-by-md5", realm={44240: "md5"})
    cca("bad-signature", "realm-signed-by-another", signer=OTHER)
    cca(bad, "key-off-the-curve", rak=point(RAK)[:-1] + bytes([point(RAK)[-1] ^ 1]))
    cca(bad, "key-compressed", rak=b"\x02" + point(RAK)[1:])
    cca(bad, "key-of-96", rak=point(RAK)[:-1])
    cca(bad, "cose-key-without-profile", rak=cose_key(RAK))
    cca(bad, "bare-key-with-profile", rak=point(RAK), realm=MODERN)
    for name, wrong in (("type-okp", {1: 1}), ("curve-p256", {-1: 1}), ("curve-ed25519", {-1: 6}), ("y-is-a-sign", {-3: True}),
                        ("x-of-47", {-2: point(RAK)[1:48]})):
        cca(bad, f"cose-key-{name}", rak=cose_key(RAK, wrong), realm=MODERN)
    cca(odd, "realm-profile-of-tomorrow", realm={265: "tag:arm.com,2030:realm#9"})
    cca(odd, "platform-profile-of-tomorrow", platform={265: "tag:arm.com,2030:cca_platform#9"})
    for claim in (44235, 44236, 44237, 44238, 44239, 44240, 2395, 2396, 2399, 2401, 2402, 256):
        cca(bad, f"without-{claim}", gone=(claim,))
    for name, change in {"realm-challenge-of-32": {10: h(7)}, "three-extensible": {44239: [h(1)] * 3},
                         "five-extensible": {44239: [h(1)] * 5}, "extensible-of-20": {44239: [h(1, 20)] * 4},
                         "extensible-is-text": {44239: ["x"] * 4}, "initial-of-33": {44238: h(9, 33)},
                         "personalization-of-63": {44235: h(8, 63)}}.items():
        cca(bad, name, realm=change)
    cca(bad, "instance-of-type-2", platform={256: b"\2" + h(4)})
    cca("debug", "lifecycle-debug", platform={2395: 0x4001})
