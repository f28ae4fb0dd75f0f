"""CBOR, COSE_Sign1 and keys of a test PKI, and how to get them wrong."""
import base64
import struct

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

RAW = object()  # a value that is encoded already


def head(major, n):
    for info, limit, form in ((24, 1 << 8, ">BB"), (25, 1 << 16, ">BH"), (26, 1 << 32, ">BI")):
        if n < 24:
            return bytes([major << 5 | n])
        if n < limit:
            return struct.pack(form, major << 5 | info, n)
    return struct.pack(">BQ", major << 5 | 27, n)


def cbor(v):
    if isinstance(v, tuple) and v[0] is RAW:
        return v[1]
    if isinstance(v, tuple):  # (tag, value)
        return head(6, v[0]) + cbor(v[1])
    if v is None or isinstance(v, bool):
        return bytes([0xf6 if v is None else 0xf4 + v])
    if isinstance(v, int):
        return head(0, v) if v >= 0 else head(1, -1 - v)
    if isinstance(v, bytes):
        return head(2, len(v)) + v
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(cbor, v))
    return head(5, len(v)) + b"".join(cbor(k) + cbor(x) for k, x in v.items())


CURVES = {-7: (ec.SECP256R1(), hashes.SHA256(), 32), -35: (ec.SECP384R1(), hashes.SHA384(), 48),
          -36: (ec.SECP521R1(), hashes.SHA512(), 66)}


def key(alg, number):
    return ec.derive_private_key(1000 + number, CURVES[alg][0])


def point(k):
    return k.public_key().public_bytes(serialization.Encoding.X962,
                                       serialization.PublicFormat.UncompressedPoint)


def cose_key(k, wrong={}):
    return cbor({1: 2, -1: 2, -2: point(k)[1:49], -3: point(k)[49:]} | wrong)


def sign1(payload, k, alg, protected=None, unprotected=None, tag=18, context="Signature1",
          aad=b"", parts=None, form="raw"):
    """A COSE_Sign1; what is wrong with it is in the options."""
    protected = cbor({1: alg}) if protected is None else protected
    payload = payload if isinstance(payload, bytes) else cbor(payload)
    der = k.sign(cbor([context, protected, aad, payload]),
                 ec.ECDSA(CURVES.get(alg, CURVES[-7])[1], deterministic_signing=True))
    size = (k.key_size + 7) // 8
    sig = b"".join(n.to_bytes(size, "big") for n in utils.decode_dss_signature(der))
    sig = der if form == "der" else sig
    body = parts(protected, payload, sig) if parts else [protected, unprotected or {}, payload, sig]
    return cbor((tag, body) if tag else body)


def spki(k):
    return k.public_key().public_bytes(serialization.Encoding.DER,
                                       serialization.PublicFormat.SubjectPublicKeyInfo)


def case(kind, code, name, token):
    print(kind, code, name, base64.b64encode(token).decode())


def without(d, *gone):
    return {a: b for a, b in d.items() if a not in gone}


def h(n, size=32):
    return bytes([n]) * size
