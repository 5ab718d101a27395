/*
  Packed, protected, damaged or odd executables. Notes: many honest programs are packed too.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

import "math"
import "pe"

rule packed_upx_windows : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by UPX"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $a = "U\x50X0\x00\x00\x00\x00"
        $b = "U\x50X1\x00\x00\x00\x00"
    condition:
        uint16(0) == 0x5a4d and all of them in (0..1024)
}

rule packed_upx_linux : packer
{
    meta:
        author = "Overt project"
        description = "Linux program packed by UPX"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $mark = "U\x50X!"
    condition:
        uint32(0) == 0x464c457f and filesize > 256 and $mark in (0..512) and
        $mark in (filesize - 64..filesize)
}

rule packed_aspack : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by ASPack"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $section = ".\x61spack\x00"
    condition:
        uint16(0) == 0x5a4d and $section in (0..2048)
}

rule packed_petite : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by Petite"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $section = ".\x70etite\x00"
    condition:
        uint16(0) == 0x5a4d and $section in (0..2048)
}

rule packed_mpress : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by MPRESS"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $section = ".\x4dPRESS1"
    condition:
        uint16(0) == 0x5a4d and $section in (0..2048)
}

rule packed_themida : packer
{
    meta:
        author = "Overt project"
        description = "Windows program protected by Themida or WinLicense"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $a = ".\x74hemida"
        $b = ".\x77inlice"
    condition:
        uint16(0) == 0x5a4d and any of them in (0..2048)
}

rule packed_vmprotect : packer
{
    meta:
        author = "Overt project"
        description = "Windows program protected by VMProtect"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $a = ".\x76mp0\x00\x00\x00"
        $b = ".\x76mp1\x00\x00\x00"
    condition:
        uint16(0) == 0x5a4d and any of them in (0..2048)
}

rule packed_nspack : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by NsPack"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $a = ".\x6esp0\x00\x00\x00"
        $b = ".\x6esp1\x00\x00\x00"
        $c = "n\x73p0\x00\x00\x00\x00"
    condition:
        uint16(0) == 0x5a4d and any of them in (0..2048)
}

rule packed_pecompact : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by PECompact"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $a = "P\x45C2\x00"
        $b = "P\x45Compact2"
        $c = "P\x45C2MO"
    condition:
        uint16(0) == 0x5a4d and any of them in (0..2048)
}

rule packed_mew : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by MEW"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and uint32(uint32(0x3c)) == 0x4550 and
        uint32(uint32(0x3c) + 0xf8) == 0x0057454d
}

rule packed_upack : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by Upack"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint32be(0) == 0x4d5a4b45 and uint32be(4) == 0x524e454c and uint32(0x10) == 0x4550
}

rule packed_wwpack : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by WWPack32"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $section = ".\x57WP32\x00"
    condition:
        uint16(0) == 0x5a4d and $section in (0..2048)
}

rule packed_yoda : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by yoda's Crypter or Protector"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $a = { 79 43 00 00 00 00 00 00 00 [3] 00 }
        $b = ".\x79P\x00\x00\x00\x00\x00"
    condition:
        uint16(0) == 0x5a4d and any of them in (0..1024)
}

rule packed_enigma : packer
{
    meta:
        author = "Overt project"
        description = "Windows program protected by the Enigma Protector"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $a = ".\x65nigma1"
        $b = ".\x65nigma2"
    condition:
        uint16(0) == 0x5a4d and any of them in (0..2048)
}

rule packed_kkrunchy : packer
{
    meta:
        author = "Overt project"
        description = "Windows program packed by kkrunchy"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $section = "k\x6brunchy"
    condition:
        uint16(0) == 0x5a4d and $section in (0..2048)
}

rule packed_confuser : packer
{
    meta:
        author = "Overt project"
        description = ".NET program protected by ConfuserEx"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $mark = "C\x6fnf\x75sedByAttribute"
        $clr = "_\x43or\x45xeMain"
    condition:
        uint16(0) == 0x5a4d and all of them
}

rule packed_pyinstaller : packer
{
    meta:
        author = "Overt project"
        description = "Python program frozen into one file by PyInstaller"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $cookie = { 4D 45 49 0C 0B 0A 0B 0E }
        $name = "_\x4dEIPASS"
    condition:
        (uint16(0) == 0x5a4d or uint32(0) == 0x464c457f) and filesize > 8192 and
        $cookie in (filesize - 8192..filesize) and $name
}

rule packed_autoit : packer
{
    meta:
        author = "Overt project"
        description = "AutoIt script compiled into a Windows program"
        reference = "https://attack.mitre.org/techniques/T1059/010/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $head = { A3 48 4B BE 98 6C 4A A9 99 4C 53 0A 86 D6 48 7D 41 55 33 21 45 41 30 }
    condition:
        uint16(0) == 0x5a4d and $head
}

rule pe_high_entropy : packer
{
    meta:
        author = "Overt project"
        description = "Windows program whose executable code looks compressed or encrypted"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and filesize < 16MB and pe.number_of_sections > 0 and
        pe.number_of_imports < 5 and for any s in pe.sections : (s.raw_data_size > 4096 and
        (s.characteristics & 0x20000000) != 0 and
        math.entropy(s.raw_data_offset, s.raw_data_size) > 7.3)
}

rule pe_no_sections : damaged
{
    meta:
        author = "Overt project"
        description = "Windows program without any section"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and uint32(0x3c) < filesize and uint32(uint32(0x3c)) == 0x4550 and
        uint16(uint32(0x3c) + 6) == 0
}

rule pe_truncated : damaged
{
    meta:
        author = "Overt project"
        description = "Windows program that ends before its sections do"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and pe.number_of_sections > 0 and
        for any s in pe.sections : (s.raw_data_size > 0 and s.raw_data_offset + s.raw_data_size > filesize + 512)
}

rule pe_entry_outside : damaged
{
    meta:
        author = "Overt project"
        description = "Windows program that starts outside its sections"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and pe.number_of_sections > 0 and uint32(uint32(0x3c) + 0x28) != 0 and
        not for any s in pe.sections : (uint32(uint32(0x3c) + 0x28) >= s.virtual_address and
        (uint32(uint32(0x3c) + 0x28) < s.virtual_address + s.virtual_size or uint32(uint32(0x3c) + 0x28) < s.virtual_address + s.raw_data_size))
}

rule pe_writable_entry : packer
{
    meta:
        author = "Overt project"
        description = "Windows program that starts in a section that is writable and executable, as unpackers do"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and pe.number_of_sections > 0 and uint32(uint32(0x3c) + 0x28) != 0 and
        for any s in pe.sections : ((s.characteristics & 0xa0000000) == 0xa0000000 and
        uint32(uint32(0x3c) + 0x28) >= s.virtual_address and
        uint32(uint32(0x3c) + 0x28) < s.virtual_address + s.virtual_size)
}

rule pe_header_missing : damaged
{
    meta:
        author = "Overt project"
        description = "file that starts like a Windows program and points at a header beyond its end"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint16(0) == 0x5a4d and filesize > 64 and uint32(0x18) == 0x40 and uint32(0x3c) > filesize
}

rule elf_truncated : damaged
{
    meta:
        author = "Overt project"
        description = "Linux program that ends before its own table of sections"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint32(0) == 0x464c457f and filesize > 64 and uint8(5) == 1 and ((uint8(4) == 2 and
        uint16(0x3c) > 0 and uint32(0x2c) == 0 and
        uint32(0x28) + uint16(0x3a) * uint16(0x3c) > filesize) or (uint8(4) == 1 and uint16(0x30) > 0 and
        uint32(0x20) + uint16(0x2e) * uint16(0x30) > filesize))
}

rule elf_no_sections : packer
{
    meta:
        author = "Overt project"
        description = "Linux program without a table of sections, as packers leave it"
        reference = "https://attack.mitre.org/techniques/T1027/008/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint32(0) == 0x464c457f and filesize > 64 and uint8(5) == 1 and
        (uint16(0x10) == 2 or uint16(0x10) == 3) and ((uint8(4) == 2 and
        uint16(0x3c) == 0) or (uint8(4) == 1 and uint16(0x30) == 0))
}

rule elf_high_entropy : packer
{
    meta:
        author = "Overt project"
        description = "Linux program without a table of sections whose content looks compressed or encrypted"
        reference = "https://attack.mitre.org/techniques/T1027/002/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint32(0) == 0x464c457f and filesize > 1024 and filesize < 32MB and uint8(5) == 1 and
        (uint16(0x10) == 2 or uint16(0x10) == 3) and ((uint8(4) == 2 and
        uint16(0x3c) == 0) or (uint8(4) == 1 and uint16(0x30) == 0)) and math.entropy(0, filesize) > 7.2
}

rule elf_header_overlap : damaged
{
    meta:
        author = "Overt project"
        description = "tiny Linux program, made by hand, whose program headers lie inside its own header"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint32(0) == 0x464c457f and filesize < 4096 and ((uint8(4) == 2 and uint32(0x20) < 0x40 and
        uint16(0x38) > 0) or (uint8(4) == 1 and uint32(0x1c) < 0x34 and uint16(0x2c) > 0))
}
