<?php
// SPDX-License-Identifier: BSL-1.0
// Prints the key that Symfony Lock gives to names, and FNV as PHP's hash() has it. Input and output as in derivations.rb.
$derivations = [
    // Symfony, PostgreSqlStore::getHashedKey
    'symfony' => fn ($name) => crc32($name),
    'fnv1_32' => fn ($name) => hash('fnv132', $name),
    'fnv1_64' => fn ($name) => hash('fnv164', $name),
    'fnv1a_64' => fn ($name) => hash('fnv1a64', $name),
];
echo implode("\t", array_keys($derivations)), "\n";
$lines = fopen($argv[1], 'r');
while (($line = fgets($lines)) !== false) {
    $name = hex2bin(rtrim($line, "\n"));
    echo implode("\t", array_map(fn ($derivation) => $derivation($name), $derivations)), "\n";
}
