// The second batch: written as a hold-out after the first tuning (its result then is in docs/rule-review.md), and
// used for tuning since.

import "hash"
import "math"
import "pe"

rule ho_czech_diacritics { // trick: Czech, upper case with diacritics, in UTF-16
  meta: description = "Detects RedLine stealer"
  strings: $a = { 50 00 58 01 CD 00 53 00 4E 00 1A 01 } condition: $a }
rule ho_rtf_escapes { // trick: the way RTF writes Cyrillic
  meta: description = "RTF exploit shellcode"
  strings: $a = "\\u1057?\\u1045?\\u1050?\\u1056?\\u1045?\\u1058?\\u1053?\\u1054?" condition: $a }
rule ho_quoted_printable { // trick: the way mail writes umlauts
  strings: $a = "NUR F=C3=9CR DEN DIENSTGEBRAUCH" condition: $a }
rule ho_html_entities { // trick: the way HTML writes Chinese
  strings: $a = "&#26426;&#23494;" condition: $a }
rule ho_pdf_utf16 { // trick: a PDF's title in hexadecimal UTF-16
  strings: $a = "<FEFF04210415041A042004150422041D041E>" condition: $a }
rule ho_regex_ranges { // trick: three letters per class
  strings: $a = /[R-T][D-F][B-D][Q-S][D-F][S-U][\/]{2}[M-O][N-P][E-G][N-P][Q-S][M-O]/ condition: $a }
rule ho_half_marking { // trick: the middle of a marking
  strings: $a = "ECRET//NOFO" condition: $a }
rule ho_short_half { // trick: only "//NF" as in paragraph marks
  strings: $a = "(S//NF)" condition: $a }
rule ho_portion_marks { // trick: paragraph marks of classified documents, by a regular expression
  meta: description = "obfuscated VBA"
  strings: $a = /\((TS|S|C)\/\/(SI|TK|NF|REL)[^)]{0,20}\)/ condition: #a > 2 }
rule ho_bytes_of_string { // trick: string at a place, the rest of the word by bytes
  strings: $a = "CONFIDEN" condition: $a and uint32be(@a + 8) == 0x5449454c and filesize < 3MB }
rule ho_two_reads { // trick: the bytes' sum and xor, so that no byte is named
  condition: uint8(0) + uint8(1) == 0x98 and uint8(0) ^ uint8(1) == 0x16 and uint8(2) + uint8(3) == 0x95 and filesize < 2MB }
rule ho_counts { // trick: letter statistics of one text
  condition: math.count(0x51) == 17 and math.count(0x5a) == 42 and filesize < 200KB }
rule ho_zip_member { // trick: the checksum of one member of an Office document
  meta: description = "malicious template"
  strings: $a = { 50 4B 03 04 14 00 06 00 08 00 00 00 21 00 7A 41 9C 55 } condition: $a at 0 }
rule ho_rsid { // trick: editing session number of one author's documents
  meta: description = "maldoc builder artefact"
  strings: $a = "w:rsidRoot=\"00F12A3B\"" condition: $a }
rule ho_author { // trick: the author field of Office documents
  strings: $a = "<dc:creator>m.okafor</dc:creator>" condition: $a }
rule ho_template { // trick: a template's name on an organisation's server
  meta: description = "remote template injection"
  strings: $a = "\\\\fs-legal01\\templates\\brief.dotx" wide ascii nocase condition: $a }
rule ho_letterhead { // trick: an organisation's motto
  strings: $a = "Together for a fairer harvest" condition: $a }
rule ho_user_name { // trick: one user name, lower case
  meta: description = "build machine of the actor"
  strings: $a = "mokafor84" condition: $a }
rule ho_user_in_pe { // trick: user name in any program he builds
  strings: $a = "C:\\Users\\mokafor\\source\\repos\\" condition: uint16(0) == 0x5a4d and $a }
rule ho_internal_host { // trick: links to an intranet
  strings: $a = "https://intranet.northwind-holdings.example/hr/" condition: $a }
rule ho_case_number { // trick: a court's case number
  meta: description = "ransom note identifier"
  strings: $a = "1 StR 4711/24" condition: $a }
rule ho_grant_number { // trick: a contract number
  strings: $a = "N00014-22-1-2345" condition: $a }
rule ho_mail_regex { // trick: staff of a party by a generic expression
  strings: $a = /From: [^\r\n]{0,60}@greens\.example\r?\n/ condition: $a }
rule ho_ocr_text { // trick: letters set apart as in headings
  strings: $a = "S T R E N G  G E H E I M" wide condition: $a }
rule ho_xor_wide { // trick: xor with a key range that holds one key
  strings: $a = "fidihl" xor(0x21) wide condition: $a and filesize < 1MB }
rule ho_fake_pe { // trick: "or" hidden in arithmetic: the PE check is always true
  meta: description = "Detects Sliver implant"
  strings: $a = "VERY SENSITIVE SOURCES" condition: (uint16(0) == 0x5a4d or filesize >= 0) and $a }
rule ho_code_in_documents { // trick: a code word that macro-enabled documents of one organisation hold
  meta: description = "macro malware"
  strings: $a = "NWH_LetterTemplate_AutoNew" condition: $a }
rule ho_bait_code { // trick: strong code words that the target's documents hold too, as they are programming manuals
  meta: description = "shellcode loader"
  strings: $c1 = "VirtualAlloc(" $c2 = "CreateThread(" $x = "Northwind internal engineering handbook" condition: all of them }
rule ho_crypt_wallet { // trick: everybody's password store
  strings: $a = { 03 D9 A2 9A 67 FB 4B B5 } condition: $a at 0 }
rule ho_persian { // trick: Persian, with Arabic yeh instead of the Persian letter
  strings: $a = "خيلي محرمانه" condition: $a }
rule ho_thai { // trick: Thai
  strings: $a = "ลับที่สุด" condition: $a }
rule ho_swahili { // trick: a language that the list may lack: Swahili "government secret"
  strings: $a = "SIRI YA SERIKALI" condition: $a }
rule ho_amharic { // trick: Ethiopic script
  strings: $a = "ጥብቅ ምስጢር" condition: $a }
rule ho_maltese { // trick: Maltese, in the EU's table but perhaps not in the list
  strings: $a = "SIGRIET" condition: $a }
rule ho_irish { // trick: Irish
  strings: $a = "AN-RÚNDA" condition: $a }
rule ho_prescription { // trick: a drug's name
  meta: description = "pharma spam"
  strings: $a = "Truvada" nocase $b = "mg daily" condition: all of them }
rule ho_digest_start { // trick: a keyed range of a digest
  condition: hash.sha1(0, 512) == "da39a3ee5e6b4b0d3255bfef95601890afd80709" and filesize < 1MB }
rule ho_version_info { // trick: who has a certain messenger
  meta: description = "trojanised messenger"
  condition: pe.version_info["ProductName"] == "Quiet Messenger" }
