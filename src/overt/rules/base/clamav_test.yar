/*
  The ClamAV project's harmless test program (clam.exe), plain and as packers leave it.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule clamav_test_program : test
{
    meta:
        author = "Overt project"
        description = "ClamAV test program: its machine code, wherever it is embedded without compression"
        reference = "https://docs.clamav.net/manual/Usage/Scanning.html"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $code = { 50 50 8B F3 53 53 50 B0 29 40 30 04 66 AC 79 F9 BA }
    condition:
        $code and filesize < 16MB
}

rule clamav_test_carrier : test
{
    meta:
        author = "Overt project"
        description = "program that carries the ClamAV test program, by its own message"
        reference = "https://docs.clamav.net/manual/Usage/Scanning.html"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $whole = "T\x68is is a ClamAV test file with the e\x6dbedded clam.exe" ascii wide
        $upx = { 54 68 69 73 20 [1-4] 61 20 43 6C 61 6D 41 56 20 74 65 73 74 20 66 69 6C 65 20 77 69 }
    condition:
        uint16(0) == 0x5a4d and filesize < 64KB and any of them
}

rule clamav_test_packed : test
{
    meta:
        author = "Overt project"
        description = "packed carrier of the ClamAV test program: its link time, still in the header of the packed file"
        reference = "https://docs.clamav.net/manual/Usage/Scanning.html"
        severity = "high"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and filesize < 16KB and uint32(0x3c) < 512 and
        uint32(uint32(0x3c)) == 0x4550 and uint32(uint32(0x3c) + 8) == 0x48032939
}

rule clamav_test_mew : test
{
    meta:
        author = "Overt project"
        description = "carrier of the ClamAV test program packed by MEW: the literal file name that the compressor left"
        reference = "https://docs.clamav.net/manual/Usage/Scanning.html"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $name = { 00 63 6C 61 6D 2E 65 78 E4 55 38 54 }
    condition:
        uint16(0) == 0x5a4d and filesize < 4KB and uint32(0x104) == 0x0057454d and $name
}

rule clamav_test_upack : test
{
    meta:
        author = "Overt project"
        description = "carrier of the ClamAV test program packed by Upack: the beginning of its compressed body"
        reference = "https://docs.clamav.net/manual/Usage/Scanning.html"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $body = { 23 41 3A BB 95 56 50 8F 88 FF 15 CF E6 91 13 22 28 F0 FB 0F }
    condition:
        uint32be(0) == 0x4d5a4b45 and filesize < 4KB and $body
}

rule clamav_test_pespin : test
{
    meta:
        author = "Overt project"
        description = "carrier of the ClamAV test program encrypted by PESpin: the beginning of its encrypted code"
        reference = "https://docs.clamav.net/manual/Usage/Scanning.html"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $body = { EB 2A 3A 23 6E F4 DB 44 6C 95 88 76 01 E9 61 11 60 4F BE E1 }
    condition:
        uint16(0) == 0x5a4d and filesize < 32KB and $body in (512..2048)
}
