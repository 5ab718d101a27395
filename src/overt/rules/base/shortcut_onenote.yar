/*
  Windows shortcuts and OneNote sections that start programs.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule lnk_powershell
{
    meta:
        author = "Overt project"
        description = "shortcut that starts PowerShell hidden, encoded or with a download"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $shell = "p\x6fwershell" nocase ascii wide
        $hidden = /-w(in|i\x6edow|i\x6edowstyle)?\s{1,4}["']?(h\x69dden|h\x69d|h|1)\b/ nocase ascii wide
        $encoded = /-e(nc|n\x63odedcommand|c)?\s{1,4}["']?[A-Za-z0-9+\/]{32}/ nocase ascii wide
        $fetch = /(D\x6fwnloadString|D\x6fwnloadFile|I\x6evoke-W\x65bRequest|I\x6evoke-R\x65stMethod|I\x6evoke-E\x78pression|\bi\x65x\s|h\x74tps?:\/\/)/ nocase ascii wide
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize < 16MB and $shell and
        any of ($hidden, $encoded, $fetch)
}

rule lnk_remote_script
{
    meta:
        author = "Overt project"
        description = "shortcut that hands a network address to a Windows program able to run it"
        reference = "https://attack.mitre.org/techniques/T1218/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $tool = /(m\x73hta|c\x65rtutil|b\x69tsadmin|r\x65gsvr32|r\x75ndll32|w\x73cript|c\x73cript|m\x73iexec|c\x75rl|f\x6frfiles|c\x6fnhost)(\.e\x78e)?/ nocase ascii wide
        $address = /(h\x74tps?:\/\/|\\\\[a-z0-9.\-]{4,60}@(s\x73l|\d{2,5})\\|\\\\\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\\)/ nocase ascii wide
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize < 16MB and all of them
}

rule lnk_command_chain
{
    meta:
        author = "Overt project"
        description = "shortcut that runs a chain of commands ending in a program or script from a writable folder"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $cmd = /(c\x6dd(\.e\x78e)?|%c\x6fmspec%)/ nocase ascii wide
        $switch = /\/[ckvq]\s?["^]?/ nocase ascii wide
        $chain = /(&&|\s&\s|\|\s{0,2}(c\x6dd|f\x69ndstr|p\x6fwershell))/ nocase ascii wide
        $place = /(%t\x65mp%|%t\x6dp%|%a\x70pdata%|%l\x6fcalappdata%|%p\x75blic%|%p\x72ogramdata%|\\a\x70pdata\\|\\u\x73ers\\p\x75blic)/ nocase ascii wide
        $act = /(c\x6fpy|x\x63opy|r\x6fbocopy|s\x74art|r\x75ndll32|r\x65gsvr32|w\x73cript|c\x73cript|e\x63ho|f\x69ndstr|e\x78pand|t\x61r)\s/ nocase ascii wide
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize < 16MB and all of them
}

rule lnk_padded_arguments
{
    meta:
        author = "Overt project"
        description = "shortcut that pushes its command line out of sight with white space"
        reference = "https://attack.mitre.org/techniques/T1027/012/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $spaces = { 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 20 00 }
        $lines = { 0A 00 0D 00 0A 00 0D 00 0A 00 0D 00 0A 00 0D 00 0A 00 0D 00 0A 00 0D 00 0A 00 0D 00 0A 00 0D 00 }
        $tabs = { 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 09 00 }
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize < 16MB and any of them
}

rule lnk_oversized
{
    meta:
        author = "Overt project"
        description = "shortcut far larger than any real one: something may be attached to it"
        reference = "https://attack.mitre.org/techniques/T1027/009/"
        severity = "note"
        licence = "Apache-2.0"
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize > 512KB
}

rule lnk_carries_program
{
    meta:
        author = "Overt project"
        description = "shortcut with a Windows program behind it"
        reference = "https://attack.mitre.org/techniques/T1027/009/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $stub = "T\x68is program cannot be run in DOS mode"
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize < 64MB and $stub
}

rule lnk_library_control_panel
{
    meta:
        author = "Overt project"
        description = "shortcut that starts rundll32 on a library beside it or in a folder of documents"
        reference = "https://attack.mitre.org/techniques/T1218/011/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $call = /r\x75ndll32(\.e\x78e)?["']?\s{1,4}["']?(\.\\|%cd%\\|[A-Z]:\\U\x73ers\\P\x75blic\\|\\\\)[^\x00"]{0,80}\.(d\x6cl|d\x61t|l\x6fg|p\x6eg|j\x70g|t\x6dp|db|i\x6ei|b\x69n)["']?\s{0,2},/ nocase ascii wide
        $name = /r\x75ndll32(\.e\x78e)?/ nocase ascii wide
        $arguments = /[\w\-]{1,40}\.(d\x6cl|d\x61t|l\x6fg|p\x6eg|j\x70g|t\x6dp|db|i\x6ei|b\x69n),\s?#?\w{1,40}/ nocase ascii wide
    condition:
        uint32(0) == 0x0000004c and uint32(4) == 0x00021401 and filesize < 4MB and
        ($call or ($name and $arguments))
}

rule onenote_embedded_program
{
    meta:
        author = "Overt project"
        description = "OneNote section with an attached Windows program or shortcut"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $program = { E7 16 E3 BD 65 26 11 45 A4 C4 8D 4D 0B 7A 9E AC [20] 4D 5A }
        $shortcut = { E7 16 E3 BD 65 26 11 45 A4 C4 8D 4D 0B 7A 9E AC [20] 4C 00 00 00 01 14 02 00 }
        $help = { E7 16 E3 BD 65 26 11 45 A4 C4 8D 4D 0B 7A 9E AC [20] 49 54 53 46 }
    condition:
        uint32be(0) == 0xe4525c7b and uint32be(4) == 0x8cd8a74d and filesize < 64MB and any of them
}

rule onenote_embedded_script
{
    meta:
        author = "Overt project"
        description = "OneNote section with an attached script that starts programs"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $attached = { E7 16 E3 BD 65 26 11 45 A4 C4 8D 4D 0B 7A 9E AC }
        $start = /(W\x53cript\.S\x68ell|<s\x63ript[^>]{0,60}(v\x62script|j\x73cript|j\x61vascript)|<h\x74a:a\x70plication|@e\x63ho o\x66f|<j\x6fb id|<p\x61ckage>\s{0,8}<j\x6fb|p\x6fwershell(\.e\x78e)?\s{1,4}-|c\x6dd(\.e\x78e)?\s{1,2}\/c|m\x73hta\s|A\x63tiveXObject)/ nocase ascii wide
    condition:
        uint32be(0) == 0xe4525c7b and uint32be(4) == 0x8cd8a74d and filesize < 64MB and all of them
}

rule onenote_attachment_name
{
    meta:
        author = "Overt project"
        description = "OneNote section with an attachment whose name is that of a program or script"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $attached = { E7 16 E3 BD 65 26 11 45 A4 C4 8D 4D 0B 7A 9E AC }
        $name = /\.(e\x78e|s\x63r|h\x74a|v\x62s|v\x62e|j\x73e|w\x73f|c\x6dd|b\x61t|l\x6ek|c\x68m|ps1)\x00/ nocase wide
    condition:
        uint32be(0) == 0xe4525c7b and uint32be(4) == 0x8cd8a74d and filesize < 64MB and all of them
}
