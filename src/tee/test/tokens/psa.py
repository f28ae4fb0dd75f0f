"""Tokens of PSA."""
from forge import RAW, case, cbor, h, key, sign1, without

IAK = key(-7, 1)  # the key of the device
SOFTWARE = {1: "BL", 2: h(1), 4: "1.2", 5: h(2), 6: "sha-256"}
PSA2 = {265: "http://arm.com/psa/2.0.0", 10: h(3), 256: b"\1" + h(4), 2394: 7, 2395: 0x3000,
        2396: h(5), 2397: h(6), 2398: "0604565272829-10010", 2399: [SOFTWARE], 2400: "a.example"}
PSA1 = {-75000: "PSA_IOT_PROFILE_1", -75001: -1, -75002: 0x30ff, -75003: h(5), -75004: h(6),
        -75005: "hw", -75006: [SOFTWARE], -75008: h(3, 64), -75009: b"\1" + h(4), -75010: "a"}


def psa(code, name, claims=PSA2, k=IAK, alg=-7, **wrong):
    case("psa", code, name, sign1(claims, k, alg, **wrong))


def psa_headers():
    bad, no_alg, odd = "malformed", "alg-unprotected", "unsupported"
    es256 = cbor({1: -7})
    psa(no_alg, "empty-header-map", protected=cbor({}))
    psa(no_alg, "empty-header", protected=b"")
    psa(no_alg, "alg-in-unprotected-header", protected=b"", unprotected={1: -7})
    psa(bad, "alg-in-both-headers", unprotected={1: -7})
    psa(odd, "critical-header", protected=cbor({1: -7, 2: [99], 99: 0}))
    psa(odd, "critical-unprotected-header", unprotected={2: [99]})
    psa("ok", "key-id-in-unprotected-header", unprotected={4: b"iak"})
    for alg, name in ((-257, "rs256"), (-37, "ps256"), (-8, "eddsa"), (1, "a128gcm"), ("ES256", "text")):
        psa(odd, f"alg-{name}", protected=cbor({1: alg}))
    for alg in (4, 5, 6, 7):
        psa("symmetric", f"alg-hmac-{alg}", protected=cbor({1: alg}))
    psa("symmetric", "mac0", tag=17)
    psa("bad-signature", "alg-es384-for-p256", protected=cbor({1: -35}))
    psa("bad-signature", "key-of-p384", k=key(-35, 2), alg=-35)
    psa("bad-signature", "key-of-another-device", k=key(-7, 2))
    psa("bad-signature", "der-signature", form="der")
    psa("bad-signature", "context-signature", context="Signature")
    psa("bad-signature", "external-data", aad=b"x")
    parts = {"unprotected-header-missing": lambda p, m, s: [p, m, s],
             "five-parts": lambda p, m, s: [p, {}, m, s, 0],
             "detached-payload": lambda p, m, s: [p, {}, None, s],
             "header-not-wrapped": lambda p, m, s: [{1: -7}, {}, m, s],
             "unprotected-header-wrapped": lambda p, m, s: [p, cbor({}), m, s],
             "payload-not-wrapped": lambda p, m, s: [p, {}, (RAW, m), s],
             "signature-is-text": lambda p, m, s: [p, {}, m, "s"],
             "list-of-signatures": lambda p, m, s: [p, {}, m, [s]]}
    for name, wrong in parts.items():
        psa(bad, name, parts=wrong)
    for name, sig in (("empty", b""), ("zero", bytes(64)), ("short", h(1, 63)), ("long", h(1, 65)),
                      ("of-ones", h(255, 64))):
        psa("bad-signature", f"signature-{name}", parts=lambda p, m, s, sig=sig: [p, {}, m, sig])
    for tag, name in ((0, "without-tag"), (98, "tag-of-many-signers"), (16, "tag-of-encrypted"), (61, "tag-of-cwt")):
        psa(bad, name, tag=tag)
    case("psa", bad, "tag-twice", cbor((18, (RAW, sign1(PSA2, IAK, -7)))))
    psa(bad, "header-is-an-array", protected=cbor([1, -7]))
    psa(bad, "header-key-twice", protected=b"\xa2" + es256[1:] * 2)
    psa(bad, "header-in-long-form", protected=b"\xa1\x18\x01\x26")
    psa(bad, "header-with-trailing-byte", protected=es256 + b"\0")


def psa_claims():
    bad = "malformed"
    psa("ok", "profile-2")
    psa("ok", "profile-1", PSA1)
    psa("ok", "profile-of-rfc9783", PSA2 | {265: "tag:psacertified.org,2023:psa#tfm"})
    psa("ok", "without-what-is-optional", without(PSA2, 2397, 2398, 2400))
    psa("ok", "unknown-claims", PSA2 | {70000: [1, {2: True}], "x": None})
    psa("ok", "no-software-says-so", without(PSA1, -75006) | {-75007: 1})
    for claim in (10, 256, 2394, 2395, 2396, 2399):
        psa(bad, f"profile-2-without-{claim}", without(PSA2, claim))
    for claim in (-75001, -75002, -75003, -75004, -75006, -75008, -75009):
        psa(bad, f"profile-1-without{claim}", without(PSA1, claim))
    for claim in (265, 10, 256, 2394, 2395, 2396, 2397, 2398, 2399, 2400):
        psa("unsupported" if claim == 265 else bad, f"claim-{claim}-of-another-type", PSA2 | {claim: {}})
    psa("unsupported", "profile-of-tomorrow", PSA2 | {265: "http://arm.com/psa/3.0.0"})
    for name, change in {
            "nonce-of-31": {10: h(3, 31)}, "nonce-of-33": {10: h(3, 33)}, "nonce-of-80": {10: h(3, 80)},
            "instance-of-32": {256: b"\1" + h(4, 31)}, "instance-of-type-2": {256: b"\2" + h(4)},
            "lifecycle-of-17-bits": {2395: 0x13000}, "client-of-33-bits": {2394: 1 << 31},
            "implementation-of-31": {2396: h(5, 31)}, "boot-seed-of-7": {2397: h(6, 7)},
            "no-components": {2399: []}, "33-components": {2399: [SOFTWARE] * 33},
            "component-is-a-list": {2399: [[h(1)]]}, "component-without-value": {2399: [without(SOFTWARE, 2)]},
            "component-without-signer": {2399: [SOFTWARE, without(SOFTWARE, 5)]},
            "component-of-sha1": {2399: [SOFTWARE | {2: h(1, 20)}]},
            "component-with-version-2": {2399: [SOFTWARE | {4: 2}]}}.items():
        psa(bad, name, PSA2 | change)
    psa(bad, "software-and-none", PSA1 | {-75007: 1})
    psa(bad, "none-is-two", without(PSA1, -75006) | {-75007: 2})
    psa(bad, "profile-1-name-of-another-type", PSA1 | {-75000: h(1)})
    for value, name in ((0, "unknown"), (0x1000, "assembly"), (0x2000, "provisioning"), (0x4000, "non-psa-debug"),
                        (0x5000, "psa-debug"), (0x6000, "decommissioned"), (0xb000, "secured-with-a-high-bit")):
        psa("debug", f"lifecycle-{name}", PSA2 | {2395: value})
    plain = cbor(PSA2)
    for name, payload in (
            ("claims-are-a-list", cbor([1])), ("claims-are-empty", b""), ("claims-of-indefinite-length", b"\xbf" + plain[1:] + b"\xff"),
            ("claims-with-trailing-byte", plain + b"\0"), ("claim-twice", b"\xab" + plain[1:] + cbor(10) + cbor(h(9))),
            ("claims-cut", plain[:-1]), ("claim-is-a-float", b"\xab" + plain[1:] + b"\x05\xf9\0\0"),
            ("claim-in-long-form", plain.replace(cbor(2395) + cbor(0x3000), cbor(2395) + b"\x1a\0\0\x30\0")),
            ("text-is-not-utf8", plain.replace(b"a.example", b"a.exampl\xff")),
            ("key-is-bytes", b"\xab" + plain[1:] + b"\x41\0\0")):
        psa(bad, name, payload)
    psa("limit", "claims-nested-too-deep", b"\xab" + plain[1:] + b"\x05" + b"\x81" * 9 + b"\0")
    psa("limit", "too-many-claims", PSA2 | {n: 0 for n in range(100, 160)})
