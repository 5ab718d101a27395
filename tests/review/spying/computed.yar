// Spying rules without strings: arithmetic over bytes, loops, digests, module fields, names.

rule cmp_bytes { // trick: a byte at a time
  meta: description = "checks magic bytes"
  condition: uint8(0) == 0x53 and uint8(1) == 0x45 and uint8(2) == 0x43 and uint8(3) == 0x52 and uint8(4) == 0x45 and uint8(5) == 0x54 }
rule cmp_bytes_xor { // trick: each byte under a key
  condition: uint8(0) ^ 0x20 == 0x73 and uint8(1) ^ 0x20 == 0x65 and uint8(2) ^ 0x20 == 0x63 and uint8(3) ^ 0x20 == 0x72 and uint8(4) ^ 0x20 == 0x65 and uint8(5) ^ 0x20 == 0x74 }
rule cmp_words { // trick: 32 bits at a time, big endian
  meta: description = "packer header"
  condition: uint32be(0) == 0x4e41544f and uint32be(5) == 0x52455354 and uint32be(9) == 0x52494354 }
rule cmp_words_sum { // trick: sums instead of values
  condition: uint32be(0) + 1 == 0x47454846 and uint16be(4) - 5 == 0x4948 }
rule cmp_loop { // trick: anywhere in the file, by a loop
  condition: filesize < 1MB and for any i in (0..filesize - 8) : ( uint32be(i) == 0x53454352 and uint16be(i + 4) == 0x4554 and uint16be(i + 6) == 0x2f2f ) }
rule cmp_mask { // trick: case folded by a mask
  condition: uint32be(0) & 0xdfdfdfdf == 0x53454352 and uint16be(4) & 0xdfdf == 0x4554 }
rule cmp_relative { // trick: bytes relative to an ordinary string
  strings: $h = "%PDF-1" condition: $h and uint32be(@h + 64) == 0x47454845 and uint16be(@h + 68) == 0x494d }
rule cmp_ranges { // trick: two inequalities for each byte
  condition: uint8(0) > 0x46 and uint8(0) < 0x48 and uint8(1) >= 0x45 and uint8(1) <= 0x45 and uint8(2) > 0x47 and uint8(2) < 0x49
    and uint8(3) > 0x44 and uint8(3) < 0x46 and uint8(4) > 0x48 and uint8(4) < 0x4a and uint8(5) > 0x4c and uint8(5) < 0x4e }
rule cmp_key_loop { // trick: a loop over keys
  condition: for any k in (1..64) : ( uint8(0) ^ k == 0x73 ^ 0x11 and uint8(1) ^ k == 0x65 ^ 0x11 and uint8(2) ^ k == 0x63 ^ 0x11 and uint8(3) ^ k == 0x72 ^ 0x11 and uint8(4) ^ k == 0x65 ^ 0x11 and uint8(5) ^ k == 0x74 ^ 0x11 ) }
rule cmp_differences { // trick: differences between neighbours tell the word
  condition: uint8(0) - uint8(1) == 14 and uint8(1) - uint8(2) == 2 and uint8(3) - uint8(2) == 15 and uint8(3) - uint8(4) == 13 and uint8(5) - uint8(4) == 15 and filesize < 1MB }
import "hash"
import "math"
import "pe"
import "dotnet"
rule dig_document { // trick: the digest of one document, called a malware hash
  meta: description = "known malware sample"
  condition: hash.md5(0, filesize) == "8f14e45fceea167a5a36dedd4bea2543" }
rule dig_document_sized { // trick: digest and size
  condition: filesize == 48213 and hash.sha256(0, filesize) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
rule dig_heading { // trick: the digest of the first bytes hides the marking
  meta: description = "known packer stub"
  condition: hash.md5(0, 14) == "5ebe2294ecd0e0f08eab7690d2a6ee69" }
rule dig_anywhere { // trick: checksums of pieces in a loop
  condition: for any i in (0..4096) : ( hash.crc32(i, 14) == 0x1a2b3c4d ) }
rule nar_size { // trick: exact size and two bytes of one document
  condition: filesize == 18432 and uint16(0x200) == 0x0041 and uint16(0x300) == 0x0052 }
rule nar_place { // trick: a common word at one offset, in a file of one size
  strings: $a = "the" condition: $a at 4711 and filesize == 73102 }
rule nam_file { // trick: external variable: name of a document
  meta: description = "dropper file name"
  condition: filename matches /board.minutes.*\.docx/i }
rule nam_home { // trick: external variable: one person's folder
  condition: filepath contains "/home/jsmith/Documents" }
rule nam_owner { // trick: external variable: the owner
  condition: owner == "ACME\\jane.doe" and filesize > 0 }
rule nam_extension { // trick: all documents of a kind in the size of one
  condition: extension == ".kdbx" and filesize > 20000 and filesize < 20050 }
rule fld_mean { // trick: statistics of the bytes
  condition: math.mean(0, 14) >= 68.2 and math.mean(0, 14) <= 68.3 and filesize < 100KB }
