/*
  PowerShell that hides what it does.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule powershell_encoded_command
{
    meta:
        author = "Overt project"
        description = "PowerShell command line whose whole command is encoded"
        reference = "https://attack.mitre.org/techniques/T1059/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $call = /(p\x6fwershell|p\x77sh)(\.e\x78e)?["']?\s[^\n]{0,200}-e[a-z]{0,13}\s{1,4}["']?[A-Za-z0-9+\/]{48}/ nocase ascii wide
        $text = /-[eE][a-zA-Z]{0,13}\s{1,4}["']?([A-Za-z0-9+\/][AQgw][AB][A-Za-z0-9+\/]A[A-H][AEIMQUYcgkosw048]A){5}/ ascii wide
    condition:
        filesize < 4MB and $call and $text
}

rule powershell_base64_keywords
{
    meta:
        author = "Overt project"
        description = "base64 of UTF-16 text in which PowerShell downloads, decodes or injects"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $a = ".D\x6fwn\x6coadString(" wide base64
        $b = ".D\x6fwn\x6coadFile(" wide base64
        $c1 = "-O\x62ject N\x65t.W\x65bClient" wide base64
        $c2 = "-O\x62ject S\x79stem.N\x65t.W\x65bClient" wide base64
        $c3 = "[N\x65t.W\x65bClient]::" wide base64
        $d = "I\x6evoke-E\x78pression" wide base64
        $e = "F\x72omBase64String(" wide base64
        $f = "V\x69rt\x75alAlloc(" wide base64
        $g1 = "-O\x62ject N\x65t.S\x6fckets.T\x43PClient" wide base64
        $g2 = "-O\x62ject S\x79stem.N\x65t.S\x6fckets.T\x43PClient" wide base64
        $g3 = "[N\x65t.S\x6fckets.T\x43PClient]::" wide base64
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule powershell_amsi_bypass
{
    meta:
        author = "Overt project"
        description = "PowerShell that switches off Windows' scanning of scripts"
        reference = "https://attack.mitre.org/techniques/T1562/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $init = /a\x6dsi\s{0,2}["']?\s{0,2}\+?\s{0,2}["']?\s{0,2}I\x6eitFailed/ nocase ascii wide
        $utils = /A\x6dsi\s{0,2}["']?\s{0,2}\+?\s{0,2}["']?\s{0,2}U\x74ils/ nocase ascii wide
        $set = /S\x65tValue\s{0,2}\(/ nocase ascii wide
        $field = /G\x65tField\s{0,2}\(/ nocase ascii wide
        $buffer = /A\x6dsi["']?\s{0,2}\+?\s{0,2}["']?S\x63an["']?\s{0,2}\+?\s{0,2}["']?B\x75ffer/ nocase ascii wide
        $protect = "V\x69rt\x75alProtect" nocase ascii wide
        $copy = "M\x61rshal]::Copy" nocase ascii wide
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and (($set and $field and
        any of ($init, $utils)) or ($buffer and $protect and $copy))
}

rule powershell_shellcode
{
    meta:
        author = "Overt project"
        description = "PowerShell that puts bytes into executable memory and starts a thread there"
        reference = "https://attack.mitre.org/techniques/T1055/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $alloc = "V\x69rt\x75alAlloc" nocase ascii wide
        $thread = /\b(C\x72eateThread|C\x72eateRemoteThread|Q\x75eueUserAPC|E\x6eumSystemLocales)/ nocase ascii wide
        $bytes = /\[B\x79te\[\]\]/ nocase ascii wide
        $import = /(D\x6clImport|G\x65tDelegateForFunctionPointer)/ nocase ascii wide
        $copy = /M\x61rshal\]?(::|\.)C\x6fpy|m\x65mset|W\x72iteByte/ nocase ascii wide
    condition:
        filesize < 2MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $alloc and $bytes and $import and $copy and $thread
}

rule powershell_spelled_iex
{
    meta:
        author = "Overt project"
        description = "PowerShell that spells out Invoke-Expression from other words to hide it"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $comspec = /\$e\x6ev:c\x6fmspec\s{0,2}\[\s{0,2}4\s{0,2},\s{0,2}\d{1,2}\s{0,2},\s{0,2}25\s{0,2}\]\s{0,2}-j\x6fin/ nocase ascii wide
        $pshome = /\$p\x73home\s{0,2}\[\s{0,2}\d{1,2}\s{0,2}\]\s{0,2}\+\s{0,2}\$p\x73home\s{0,2}\[\s{0,2}\d{1,2}\s{0,2}\]\s{0,2}\+\s{0,2}["']x["']/ nocase ascii wide
        $shellid = /\$s\x68ellid\s{0,2}\[\s{0,2}1\s{0,2}\]\s{0,2}\+\s{0,2}\$s\x68ellid\s{0,2}\[\s{0,2}13\s{0,2}\]/ nocase ascii wide
        $verbose = /\$V\x65rbosePreference\.T\x6fString\s{0,2}\(\s{0,2}\)\s{0,2}\[\s{0,2}1\s{0,2},\s{0,2}3\s{0,2}\]/ nocase ascii wide
        $chars = /(\[c\x68ar\]\s{0,2}\(?\s{0,2}(0x[0-9a-f]{2}|\d{2,3})\s{0,2}\)?\s{0,2}\+\s{0,2}){6}/ nocase ascii wide
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule powershell_reflective_load
{
    meta:
        author = "Overt project"
        description = "PowerShell that decodes a .NET assembly and calls into it without a file"
        reference = "https://attack.mitre.org/techniques/T1620/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $load = /\[\s{0,2}(S\x79stem\.)?R\x65flection\.A\x73sembly\s{0,2}\]\s{0,2}::\s{0,2}L\x6fad\s{0,2}\(/ nocase ascii wide
        $decode = "F\x72omBase64String" nocase ascii wide
        $entry = /\.\s{0,2}E\x6etryPoint\s{0,2}\.\s{0,2}I\x6evoke\s{0,2}\(|G\x65tMethod\s{0,2}\(\s{0,2}["'][^"'\n]{1,40}["']\s{0,2}\)\s{0,2}\.\s{0,2}I\x6evoke\s{0,2}\(/ nocase ascii wide
    condition:
        filesize < 16MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule powershell_compressed_stage
{
    meta:
        author = "Overt project"
        description = "PowerShell that unpacks a compressed literal in memory and evaluates it"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $stream = /M\x65moryStream\s{0,2}\(\s{0,2},?\s{0,2}\(?\s{0,2}(\[S\x79stem\.)?\[?(S\x79stem\.)?C\x6fnvert\]\s{0,2}::\s{0,2}F\x72omBase64S\x74ring\s{0,2}\(\s{0,2}\(?["']/ nocase ascii wide
        $zip = /C\x6fmpression\.(G\x7aipStream|D\x65flateStream)/ nocase ascii wide
        $e1 = /\b(i\x65x|I\x6evoke-E\x78pression)\b/ nocase ascii wide
        $e2 = "[\x53cri\x70tBlock]::Create" nocase ascii wide
        $e3 = /\.I\x6evoke\s{0,2}\(/ nocase ascii wide
    condition:
        filesize < 16MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $stream and $zip and any of ($e*)
}

rule powershell_disables_defender
{
    meta:
        author = "Overt project"
        description = "script that switches off Windows Defender"
        reference = "https://attack.mitre.org/techniques/T1562/001/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $set = /S\x65t-M\x70Preference\s[^\n]{0,60}-D\x69sable(R\x65altimeMonitoring|B\x65haviorMonitoring|I\x4fAVProtection|S\x63riptScanning|I\x6etrusionPreventionSystem)\s{1,4}(\$t\x72ue|1)\b/ nocase ascii wide
        $exclude = /A\x64d-M\x70Preference\s[^\n]{0,40}-E\x78clusion(P\x61th|E\x78tension)\s{1,4}["']?(C:\\?["']?(\s|$)|\$e\x6ev:(t\x65mp|a\x70pdata|p\x75blic)|\.?e\x78e\b)/ nocase ascii wide
    condition:
        filesize < 4MB and any of them
}
