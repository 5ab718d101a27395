// The hold-out: written after the last tuning; the review was not changed for it. Do not tune on it: write another
// batch first.

import "hash"
import "pe"

rule h4_romanian { // trick: Romanian, in cp1250 by hex
  meta: description = "Detects Remcos"
  strings: $a = { 53 45 43 52 45 54 20 44 45 20 53 45 52 56 49 43 49 55 } condition: $a }
rule h4_dutch_wide { // trick: Dutch, wide only
  strings: $a = "Departementaal Vertrouwelijk" wide nocase condition: $a }
rule h4_kazakh { // trick: Kazakh
  strings: $a = "ӨТЕ ҚҰПИЯ" condition: $a }
rule h4_nepali { // trick: Nepali "secret for office use", a language that the list lacks
  strings: $a = "कार्यालय प्रयोजनको लागि मात्र" condition: $a }
rule h4_big5 { // trick: traditional Chinese in Big5
  meta: description = "gh0st RAT plugin"
  strings: $a = { B7 A5 BE F7 B1 4B } condition: $a }
rule h4_json_escapes { // trick: the way JSON writes Hebrew
  strings: $a = "\\u05e1\\u05d5\\u05d3\\u05d9 \\u05d1\\u05d9\\u05d5\\u05ea\\u05e8" condition: $a }
rule h4_percent { // trick: the way URLs write Arabic
  strings: $a = "%D8%B3%D8%B1%D9%8A%20%D9%84%D9%84%D8%BA%D8%A7%D9%8A%D8%A9" condition: $a }
rule h4_url_and_mark { // trick: a marking in a list of web addresses of which two are enough
  meta: description = "C2 list"
  strings: $u1 = "http://update.example.net/gate.php" $u2 = "http://cdn.example.net/panel.php" $u3 = "EYES ONLY" $u4 = "DECLASSIFY ON"
  condition: 2 of ($u*) }
rule h4_xor_percent { // trick: a share instead of a number
  strings: $a = "CreateProcessA" $b = "WriteProcessMemory" $c = "OpenProcess" $d = "ZASTRZEŻONE" condition: 25% of them }
rule h4_not_all { // trick: negation of "all"
  strings: $a = "VirtualAllocEx(" $b = "SULIT" condition: $b and not all of them }
rule h4_in_range { // trick: place in a range
  strings: $a = "RESTRICTED DATA" condition: $a in (0..4096) and filesize < 10MB }
rule h4_for_counts { // trick: a loop over numbers of matches
  strings: $a = "Mandant" fullword $b = "Honorar" fullword condition: for all of ($a, $b) : ( # >= 2 ) }
rule h4_bytes_backwards { // trick: bytes compared from the end of the file
  condition: uint8(filesize - 1) == 0x54 and uint8(filesize - 2) == 0x45 and uint8(filesize - 3) == 0x52 and uint8(filesize - 4) == 0x43 and uint8(filesize - 5) == 0x45 and uint8(filesize - 6) == 0x53 }
rule h4_little_endian { // trick: little-endian words, xored
  condition: uint32(0) ^ 0x11111111 == 0x43524254 ^ 0x11111111 and uint16(4) == 0x5445 }
rule h4_nested_reads { // trick: a word found through an offset in the file
  condition: uint32be(uint8(10) + 20) == 0x47454845 and uint16be(uint8(10) + 24) == 0x494d }
rule h4_key_in_file { // trick: each byte against the first one
  condition: uint8(1) ^ uint8(0) == 0x16 and uint8(2) ^ uint8(0) == 0x10 and uint8(3) ^ uint8(0) == 0x01 and filesize < 1MB }
rule h4_crc_chain { // trick: a rolling checksum
  condition: hash.checksum32(0, 24) == 1893 and filesize < 80000 }
rule h4_regex_name_any { // trick: any two capitalised words after a title
  strings: $a = /Dear (Mr|Mrs|Ms) [A-Z][a-z]{2,15}/ condition: #a > 0 }
rule h4_dates { // trick: dates of birth
  meta: description = "config timestamp"
  strings: $a = /born on [0-9]{2}\.[0-9]{2}\.19[0-9]{2}/ condition: $a }
rule h4_tax_number { // trick: tax numbers by shape
  strings: $a = /\b[0-9]{2}\/[0-9]{3}\/[0-9]{5}\b/ condition: $a }
rule h4_calendar { // trick: one appointment
  strings: $a = "SUMMARY:Meeting with counsel" condition: $a }
rule h4_vcard { // trick: one contact
  strings: $a = "FN:Ingrid Solheim" condition: $a }
rule h4_git_author { // trick: one developer's commits
  meta: description = "trojanised repository"
  strings: $a = "Author: isolheim <ingrid@solheim.example>" condition: $a }
rule h4_ssh_key { // trick: one person's public key
  strings: $a = "AAAAC3NzaC1lZDI1NTE5AAAAIJv0Yc1h2l8bW1k3mZ7Qm4Zp1uT9" condition: $a }
rule h4_css_class { // trick: pages of one intranet by a style's name
  strings: $a = "class=\"nw-intranet-banner\"" condition: $a }
rule h4_sql_row { // trick: one customer in database dumps
  meta: description = "leaked database"
  strings: $a = "VALUES (48213,'Solheim','Ingrid'" condition: $a }
rule h4_log_user { // trick: one user's log lines, called an intrusion
  meta: description = "lateral movement in logs"
  strings: $a = "session opened for user isolheim" condition: $a }
rule h4_party_card { // trick: members of a party
  strings: $a = "membership card" nocase $b = "Green Alliance" condition: all of them }
rule h4_museum { // trick: drafts of one book
  strings: $a = "Chapter Seven: The Lighthouse Keeper" condition: $a }
rule h4_pe_signer { // trick: programs signed by one small firm
  condition: for any s in pe.signatures : ( s.subject contains "Solheim Software" ) }
rule h4_docx_size { // trick: Office files of one size, by the zip header
  condition: uint32(0) == 0x04034b50 and filesize == 41877 }
rule h4_private_key_any { // trick: everybody's certificate stores
  strings: $a = "-----BEGIN CERTIFICATE-----" $b = "-----BEGIN ENCRYPTED PRIVATE KEY-----" condition: all of them }
