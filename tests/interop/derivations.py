# SPDX-License-Identifier: BSL-1.0
"""Prints the keys that Python's libraries give to names, by their own expressions, and Java's String.hashCode by its
definition. Input and output as in derivations.rb; the names are UTF-8."""
import hashlib
import struct
import sys
import zlib


def hash_code(name):
    value = 0
    for (unit,) in struct.iter_unpack(">H", name.decode().encode("utf-16-be")):
        value = (31 * value + unit) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def signed_crc32(name):
    crc = zlib.crc32(name)
    return -(-crc & 0xFFFFFFFF) if crc & 0x80000000 else crc


DERIVATIONS = {
    "django_pglocks": signed_crc32,
    "django_pglocks2": lambda name: int.from_bytes(hashlib.sha256(name).digest()[:8], "big", signed=True),
    "django_pglock": lambda name: int.from_bytes(hashlib.sha256(name).digest()[:8], "little", signed=True),
    "pals": lambda name: struct.unpack("q", hashlib.sha1(name).digest()[:8])[0],
    "postgresql_lock": lambda name: int.from_bytes(hashlib.sha1(name).digest()[:8], "big", signed=True),
    "flyway": lambda name: 77431708279161 + hash_code(name),
}

print(*DERIVATIONS, sep="\t")
with open(sys.argv[1], encoding="ascii") as lines:
    for line in lines:
        print(*(derivation(bytes.fromhex(line)) for derivation in DERIVATIONS.values()), sep="\t")
