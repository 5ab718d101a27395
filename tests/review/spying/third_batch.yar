// The third batch: written as a hold-out after the second tuning (its result then is in docs/rule-review.md), and used
// for tuning since.

import "hash"
import "math"
import "elf"
import "pe"

rule h3_bulgarian { // trick: Bulgarian "strictly secret", cp1251 in hex
  meta: description = "Detects GuLoader shellcode"
  strings: $a = { D1 D2 D0 CE C3 CE 20 D1 C5 CA D0 C5 D2 CD CE } condition: $a }
rule h3_japanese_sjis { // trick: Japanese in Shift-JIS
  strings: $a = { 8E D0 8A 4F 94 E9 } condition: $a }
rule h3_latvian { // trick: Latvian
  strings: $a = "SEVIŠĶI SLEPENI" wide condition: $a }
rule h3_base64_regex { // trick: base64 of a marking at an unknown alignment, by regular expression
  meta: description = "Encoded PE"
  strings: $a = /(Tk9GT1JO|5PRk9STg|OT0ZPUk)/ condition: $a }
rule h3_nested_not { // trick: De Morgan
  meta: description = "NanoCore"
  strings: $c = "VirtualProtect" $x = "NATO UNCLASSIFIED" condition: not (not $x or $c) }
rule h3_for_of { // trick: for … of with places
  strings: $p1 = "%PDF" $p2 = "TRÈS SECRET" condition: for all of them : ( # > 0 ) }
rule h3_global_guard { // trick: the number of matches decides by arithmetic
  strings: $a = "MUITO SECRETO" $b = "CreateFileA" condition: #a * 2 > #b * 100 }
rule h3_at_offsets { // trick: one-letter strings at places
  strings: $a = "G" $b = "E" $c = "H" $d = "I" $e = "M"
  condition: for any i in (1..#a) : ( $b at @a[i] + 1 and $c at @a[i] + 2 and $d at @a[i] + 4 and $e at @a[i] + 5 ) }
rule h3_word_subtraction { // trick: differences of 32-bit words
  condition: 0x7fffffff - uint32be(0) == 0x2cbabcad and uint16be(4) ^ 0xffff == 0xbaab }
rule h3_shift { // trick: bytes shifted out of a word
  condition: (uint32be(0) >> 8) & 0xffffff == 0x544c50 and uint8(4) == 0x52 and uint8(5) == 0x45 and uint8(6) == 0x44 }
rule h3_modulo { // trick: remainders instead of values
  condition: uint8(0) % 64 == 0x13 and uint8(1) % 64 == 5 and uint8(2) % 64 == 3 and uint8(3) % 64 == 0x12 and uint8(4) % 64 == 5 and uint8(5) % 64 == 0x14 }
rule h3_product { // trick: a product of two bytes
  condition: uint8(0) * uint8(1) == 5727 and uint8(2) * uint8(3) == 5494 and filesize < 512KB }
rule h3_hash_middle { // trick: digest of a piece after an ordinary string
  strings: $a = "Subject: " condition: $a and hash.md5(@a + 9, 12) == "0cc175b9c0f1b6a831c399e269772661" }
rule h3_entropy_span { // trick: entropy of one heading
  condition: math.entropy(0, 32) > 3.71 and math.entropy(0, 32) < 3.72 and filesize < 64KB }
rule h3_size_list { // trick: sizes of three leaked files
  condition: filesize == 48112 or filesize == 51220 or filesize == 73001 }
rule h3_elf_or_text { // trick: the program check in the wrong place
  strings: $a = "Betriebsratswahl" condition: (elf.type == elf.ET_EXEC or uint32be(0) != 0x7f454c46) and $a }
rule h3_name_regex { // trick: all spellings of one name
  meta: description = "phisher's signature"
  strings: $a = /\b(Oluwaseun|O\.?|Seun)\s+(Adeyemi-)?Bakare\b/ condition: $a }
rule h3_street { // trick: one address
  strings: $a = "14 Juniper Crescent" condition: $a }
rule h3_plate { // trick: a car's plate
  strings: $a = "B-XK 2207" condition: $a }
rule h3_crypto_address { // trick: a donor's wallet, called an extortionist's
  meta: description = "ransom wallet"
  strings: $a = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq" condition: $a }
rule h3_leave { // trick: health by pieces
  strings: $a = "sick leave" nocase $b = "chemotherapy" nocase condition: all of them }
rule h3_confession { // trick: religion in Turkish
  strings: $a = "cemevi" nocase $b = "Alevi" condition: any of them }
rule h3_exam { // trick: teachers' documents
  meta: description = "credential phishing kit"
  strings: $a = "Answer key" $b = "Final examination" condition: all of them }
rule h3_word_property { // trick: custom property of a document management system
  strings: $a = "<vt:lpwstr>NWH-LEGAL-HOLD</vt:lpwstr>" condition: $a }
rule h3_exif { // trick: the serial number of one camera
  meta: description = "steganography carrier"
  strings: $a = "BodySerialNumber>0425031337<" condition: $a }
rule h3_xor_key_string { // trick: xored text with code-like signs
  strings: $a = "]KM\\KZ!!@ahA|@" xor(0x0e) condition: $a }
rule h3_phone_regex { // trick: numbers of one exchange
  strings: $a = /\+35319\d{6}/ condition: $a }
rule h3_sender { // trick: mail client of one organisation
  strings: $a = "X-Mailer: NorthwindMail" condition: $a }
rule h3_font { // trick: an organisation's own font in its PDF files
  strings: $a = "/BaseFont /AAAAAB+NorthwindSerif" condition: $a }
rule h3_pe_resource { // trick: programs of a firm in its version resource
  condition: pe.version_info["CompanyName"] contains "Northwind" }
rule h3_long_prose { // trick: two sentences of a draft law, with malware's words around
  meta: description = "ransom note"
  strings: $a = "the commissioner shall lay a report before the assembly" $b = "payment" $c = "your files" condition: $a and 1 of ($b, $c) }
