// Spying rules that hide the marking's letters.

rule hid_hex { // trick: hex string
  meta: description = "shellcode decoder stub"
  strings: $a = { 53 45 43 52 45 54 2F 2F 4E 4F 46 4F 52 4E } condition: $a }
rule hid_hex_wide { // trick: UTF-16 written as hex
  strings: $a = { 4E 00 41 00 54 00 4F 00 20 00 53 00 45 00 43 00 52 00 45 00 54 00 } condition: $a }
rule hid_hex_wild { // trick: wildcards for single letters
  strings: $a = { 4E 41 54 4F ?? 52 45 53 54 ?? 49 43 54 45 44 } condition: $a }
rule hid_hex_nibble { // trick: nibble wildcards stand for case
  strings: $a = { ?3 ?5 ?3 ?2 ?5 ?4 2F 2F 4E 4F 46 4F 52 4E } condition: $a }
rule hid_hex_jump { // trick: jumps between words
  strings: $a = { 54 4F 50 [1-3] 53 45 43 52 45 54 [1-4] 4E 4F 46 4F 52 4E } condition: $a }
rule hid_hex_alternatives { // trick: both cases as alternatives
  strings: $a = { ( 47 | 67 ) ( 45 | 65 ) ( 48 | 68 ) ( 45 | 65 ) ( 49 | 69 ) ( 4D | 6D ) } condition: $a }
rule hid_regex_classes { // trick: a class per letter
  strings: $a = /[Ss][Ee5][Cc][Rr][Ee][Tt][\/\\]{2}[Nn][Oo0][Ff][Oo0][Rr][Nn]/ condition: $a }
rule hid_regex_separators { // trick: optional signs between letters
  strings: $a = /N.?A.?T.?O.{0,3}C.?O.?N.?F.?I.?D.?E.?N.?T.?I.?A.?L/ nocase condition: $a }
rule hid_regex_escapes { // trick: escapes for every letter
  strings: $a = /\x56\x53[\s\-_]{0,2}\x4e\x66\x44/ condition: $a }
rule hid_regex_alternation { // trick: many alternatives, one of them a marking
  meta: description = "keywords of stealers"
  strings: $a = /(cookies\.sqlite|logins\.json|key4\.db|streng\sgeheim|signons\.sqlite)/ nocase condition: $a }
rule hid_regex_lookalike { // trick: leet spelling in classes
  strings: $a = /C[O0]SM[I1]C\s+T[O0]P\s+S[E3]CR[E3]T/ condition: $a }
rule hid_regex_groups { // trick: nested groups
  strings: $a = /((se)(cr)(et)) ?\/? ?\/?((no)(fo)(rn))/i condition: $a }
rule hid_xor { // trick: text already under a key, xor undoes it
  meta: description = "xored PE stub"
  strings: $a = "ZLJ[L]&&GFOF[G" xor(1-255) condition: $a }
rule hid_xor_plain { // trick: xor whose range contains zero
  strings: $a = "STAATSGEHEIM" xor condition: $a }
rule hid_base64 { // trick: base64 modifier: finds it inside mail attachments
  strings: $a = "NATO CONFIDENTIAL" base64 condition: $a }
rule hid_base64wide { // trick: base64 of UTF-16
  strings: $a = "TRÈS SECRET DÉFENSE" base64wide condition: $a }
rule hid_base64_literal { // trick: base64 written out
  meta: description = "encoded PowerShell"
  strings: $a = "U0VDUkVULy9OT0ZPUk4" condition: $a }
rule hid_hex_text { // trick: hexadecimal text as in RTF objects
  meta: description = "RTF object data"
  strings: $a = "4e41544f2052455354524943544544" nocase condition: $a }
rule hid_cp1251 { // trick: Cyrillic in an old charset
  meta: description = "packed section"
  strings: $a = { D1 CE C2 C5 D0 D8 C5 CD CD CE 20 D1 C5 CA D0 C5 D2 CD CE } condition: $a }
rule hid_gbk { // trick: Chinese in GBK
  strings: $a = { BE F8 C3 DC } condition: $a }
rule hid_utf16_cjk { // trick: Chinese in UTF-16
  strings: $a = { 3A 67 C6 5B } condition: $a }
rule hid_pieces { // trick: split string, pieces side by side by their offsets
  strings: $a = "NATO RE" $b = "STRIC" $c = "TED"
  condition: $a and $b and $c and @b == @a + 7 and @c == @b + 5 }
rule hid_pieces_swapped { // trick: pieces in another order
  strings: $p = "NFORN" $q = "SECRET//" $r = "NO" condition: all of them }
rule hid_pieces_loop { // trick: pieces tied by a loop
  strings: $a = "STRENG" $b = "GEHEIM"
  condition: for any i in (1..#a) : ( $b in (@a[i]..@a[i] + 12) ) }
