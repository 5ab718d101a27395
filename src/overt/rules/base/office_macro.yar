/*
  Office documents that run programs: macro source (as the engine unpacks it), Excel 4 macros, links, fields and RTF objects.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule macro_auto_runs_program
{
    meta:
        author = "Overt project"
        description = "macro that runs by itself and starts a program"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $start = /(A\x74tribute|O\x70tion|S\x75b|F\x75nction|P\x72ivate|P\x75blic|D\x69m|D\x65clare|V\x45RSION|#If)\s/ nocase
        $auto = /\bS\x75b\s{1,4}(A\x75to_?O\x70en|A\x75to_?E\x78ec|A\x75to_?C\x6cose|D\x6fcument_?O\x70en|D\x6fcument_?C\x6cose|D\x6fcument_N\x65w|W\x6frkbook_?O\x70en|W\x6frkbook_A\x63tivate|W\x6frkbook_B\x65foreClose|P\x72esentation_O\x70en)\s{0,4}\(/ nocase
        $s1 = /\bS\x68ell\s{0,2}\(/ nocase
        $s2 = /\bS\x68ell\s{1,2}["'\w]/ nocase
        $s3 = "W\x53cript.Shell" nocase
        $s4 = "S\x68ell.A\x70plication" nocase
        $s5 = "S\x68ell\x45xecute" nocase
        $s6 = "S\x68ell\x42rowserWindow" nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $start in (0..64) and $auto and any of ($s1, $s2, $s3, $s4, $s5, $s6)
}

rule macro_auto_downloads
{
    meta:
        author = "Overt project"
        description = "macro that runs by itself and downloads a file"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $start = /(A\x74tribute|O\x70tion|S\x75b|F\x75nction|P\x72ivate|P\x75blic|D\x69m|D\x65clare|V\x45RSION|#If)\s/ nocase
        $auto = /\bS\x75b\s{1,4}(A\x75to_?O\x70en|A\x75to_?E\x78ec|A\x75to_?C\x6cose|D\x6fcument_?O\x70en|D\x6fcument_?C\x6cose|D\x6fcument_N\x65w|W\x6frkbook_?O\x70en|W\x6frkbook_A\x63tivate|W\x6frkbook_B\x65foreClose|P\x72esentation_O\x70en)\s{0,4}\(/ nocase
        $fetch = /(U\x52LDownloadToFile|M\x53XML2\.(S\x65rver)?X\x4dLHTTP|M\x69crosoft\.X\x4dLHTTP|W\x69nHttp\.W\x69nHttpRequest|I\x6eternetOpenUrl|N\x65t\.W\x65bClient)/ nocase
        $save = /(A\x44ODB\.S\x74ream|S\x61veToFile|U\x52LDownloadToFile|I\x6eternetReadFile|P\x75t\s{1,2}#|D\x6fwnloadFile|\.R\x65sponseBody)/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $start in (0..64) and all of them
}

rule macro_auto_starts_wmi
{
    meta:
        author = "Overt project"
        description = "macro that runs by itself and starts a process through WMI"
        reference = "https://attack.mitre.org/techniques/T1047/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $start = /(A\x74tribute|O\x70tion|S\x75b|F\x75nction|P\x72ivate|P\x75blic|D\x69m|D\x65clare|V\x45RSION|#If)\s/ nocase
        $auto = /\bS\x75b\s{1,4}(A\x75to_?O\x70en|A\x75to_?E\x78ec|A\x75to_?C\x6cose|D\x6fcument_?O\x70en|D\x6fcument_?C\x6cose|W\x6frkbook_?O\x70en|W\x6frkbook_A\x63tivate|P\x72esentation_O\x70en)\s{0,4}\(/ nocase
        $wmi = /w\x69nmgmts:/ nocase
        $process = /W\x69n32_P\x72ocess(S\x74artup)?\b/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $start in (0..64) and all of them
}

rule macro_injects_code
{
    meta:
        author = "Overt project"
        description = "macro that declares the Windows functions for running bytes from memory"
        reference = "https://attack.mitre.org/techniques/T1055/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $start = /(A\x74tribute|O\x70tion|S\x75b|F\x75nction|P\x72ivate|P\x75blic|D\x69m|D\x65clare|V\x45RSION|#If)\s/ nocase
        $declare = /\bD\x65clare\s{1,4}(P\x74rSafe\s{1,4})?(F\x75nction|S\x75b)\s/ nocase
        $alloc = /(V\x69rtualAlloc(Ex)?|H\x65apAlloc|N\x74AllocateVirtualMemory)\b/ nocase
        $write = /(R\x74lMoveMemory|W\x72iteProcessMemory|N\x74WriteVirtualMemory)\b/ nocase
        $run = /(C\x72eateThread|C\x72eateRemoteThread|E\x6eumSystemLocales\w{0,2}|E\x6eumWindows|Q\x75eueUserAPC|C\x61llWindowProc\w?|S\x65tTimer)\b/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $start in (0..64) and all of them
}

rule macro_spelled_strings
{
    meta:
        author = "Overt project"
        description = "macro that runs by itself and builds its strings from single characters"
        reference = "https://attack.mitre.org/techniques/T1027/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $start = /(A\x74tribute|O\x70tion|S\x75b|F\x75nction|P\x72ivate|P\x75blic|D\x69m|D\x65clare|V\x45RSION|#If)\s/ nocase
        $auto = /\bS\x75b\s{1,4}(A\x75to_?O\x70en|A\x75to_?E\x78ec|A\x75to_?C\x6cose|D\x6fcument_?O\x70en|D\x6fcument_?C\x6cose|W\x6frkbook_?O\x70en|W\x6frkbook_A\x63tivate|P\x72esentation_O\x70en)\s{0,4}\(/ nocase
        $chars = /(C\x68r[WB]?\$?\s{0,2}\(\s{0,2}[\dA-F&H\s+\-*\/]{2,16}\)\s{0,2}[&+]\s{0,2}(_\s{0,8})?){8}/ nocase
        $reverse = /S\x74rReverse\s{0,2}\(\s{0,2}"[^"\n]{8,200}"/ nocase
        $run = /\b(C\x72eateObject|G\x65tObject|S\x68ell|C\x61llByName)\b/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $start in (0..64) and $auto and $run and any of ($chars, $reverse)
}

rule macro_drops_program
{
    meta:
        author = "Overt project"
        description = "macro that runs by itself, decodes data to a file with a program's name and starts it"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $start = /(A\x74tribute|O\x70tion|S\x75b|F\x75nction|P\x72ivate|P\x75blic|D\x69m|D\x65clare|V\x45RSION|#If)\s/ nocase
        $auto = /\bS\x75b\s{1,4}(A\x75to_?O\x70en|A\x75to_?E\x78ec|A\x75to_?C\x6cose|D\x6fcument_?O\x70en|D\x6fcument_?C\x6cose|W\x6frkbook_?O\x70en|W\x6frkbook_A\x63tivate|P\x72esentation_O\x70en)\s{0,4}\(/ nocase
        $environ = /E\x6eviron\$?\s{0,2}\(\s{0,2}"(t\x65mp|t\x6dp|a\x70pdata|p\x75blic|l\x6fcalappdata|p\x72ogramdata|u\x73erprofile)"/ nocase
        $binary = /(O\x70en\s[^\n]{1,80}F\x6fr\s{1,2}B\x69nary|C\x72eateTextFile|A\x44ODB\.S\x74ream|b\x69n\.b\x61se64|n\x6fdeTypedValue)/ nocase
        $program = /\.(e\x78e|d\x6cl|s\x63r|v\x62s|js|b\x61t|c\x6dd|ps1|h\x74a)"/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $start in (0..64) and all of them
}

rule xlm_sheet_runs_program
{
    meta:
        author = "Overt project"
        description = "Excel 4 macro sheet whose formulas start programs or call Windows functions"
        reference = "https://attack.mitre.org/techniques/T1059/005/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $sheet = "m\x61crosheet" nocase
        $exec = /<f[^>]{0,40}>[^<]{0,120}\b(E\x58EC|C\x41LL|R\x45GISTER)\s{0,2}\(\s{0,2}(&q\x75ot;|"|[A-Z]{1,3}\$?\d)/ nocase
    condition:
        filesize < 8MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule xls_urlmon_formula
{
    meta:
        author = "Overt project"
        description = "Excel workbook of the old format that names the download function of Windows in a cell"
        reference = "https://attack.mitre.org/techniques/T1105/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $urlmon = "u\x72lmon" nocase ascii wide
        $fetch = "U\x52LD\x6fwnloadToFile" nocase ascii wide
        $workbook = "W\x6frkbook" wide
        $run = /(S\x68ellExecuteA|r\x75ndll32|r\x65gsvr32|\bE\x58EC\b|J\x4aCCBB|J\x4aCCCCJ|J\x4aCCCJJ)/ nocase
    condition:
        uint32(0) == 0xe011cfd0 and filesize < 8MB and all of them
}

rule office_macro_runs_itself
{
    meta:
        author = "Overt project"
        description = "Office document of the old format with a macro that runs when it is opened"
        reference = "https://attack.mitre.org/techniques/T1137/"
        severity = "note"
        licence = "Apache-2.0"
    strings:
        $project = "_\x56BA_PROJECT" wide
        $auto = /(A\x75toOpen|A\x75to_O\x70en|A\x75toExec|D\x6fcument_O\x70en|D\x6fcumentOpen|W\x6frkbook_O\x70en)/ nocase ascii wide
    condition:
        uint32(0) == 0xe011cfd0 and filesize < 32MB and all of them
}

rule office_remote_template
{
    meta:
        author = "Overt project"
        description = "Office relationship that loads a template from the network when the document is opened"
        reference = "https://attack.mitre.org/techniques/T1221/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $type = /r\x65lationships\/(a\x74tachedTemplate|f\x72ame)"/
        $target = /T\x61rget\s{0,2}=\s{0,2}"(h\x74tps?|f\x74p|f\x69le):\/\/[^"]{1,400}"/ nocase
        $external = /T\x61rgetMode\s{0,2}=\s{0,2}"E\x78ternal"/ nocase
    condition:
        filesize < 16KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule office_moniker_link
{
    meta:
        author = "Overt project"
        description = "Office relationship to a remote page through a protocol handler that runs it"
        reference = "https://attack.mitre.org/techniques/T1221/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $mhtml = /T\x61rget\s{0,2}=\s{0,2}"(m\x68tml|x-u\x73c|s\x63ript|m\x73html):(h\x74tps?:|[a-z])/ nocase
        $object = /r\x65lationships\/o\x6ceObject"[^>]{0,40}T\x61rget\s{0,2}=\s{0,2}"h\x74tps?:\/\/[^"]{1,200}\.(h\x74ml?|h\x74a)!"/ nocase
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule office_msdt_link
{
    meta:
        author = "Overt project"
        description = "page that starts the Windows diagnostic tool with a command in its arguments"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2022-30190"
        severity = "critical"
        licence = "Apache-2.0"
    strings:
        $scheme = /ms-m\x73dt:[\/\-]{0,2}\s{0,2}\/?id\s{1,4}P\x43WDiagnostic/ nocase
        $command = /IT_(B\x72owseForFile|L\x61unchMethod|R\x65browseForFile)\s{0,2}=/ nocase
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule office_dde_command
{
    meta:
        author = "Overt project"
        description = "document field that starts a program through Dynamic Data Exchange"
        reference = "https://attack.mitre.org/techniques/T1559/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $field = /\bD\x44E(A\x55TO)?\s{1,4}(&q\x75ot;|"|')?[^<>\n]{0,60}(c\x6dd\.e\x78e|\\c\x6dd|p\x6fwershell|m\x73hta|r\x65gsvr32|r\x75ndll32)/ nocase
        $context = /(i\x6estrText|f\x6cdinst|f\x6cdSimple)/
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule spreadsheet_dde_cell
{
    meta:
        author = "Overt project"
        description = "spreadsheet or CSV cell that starts a program through Dynamic Data Exchange"
        reference = "https://attack.mitre.org/techniques/T1559/002/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $cell = /[=+\-@]\s?(c\x6dd|p\x6fwershell|m\x73hta|r\x75ndll32|r\x65gsvr32|m\x73excel)(\.e\x78e)?\|(&a\x70os;|')\s{0,2}[^'\n]{0,80}(\/c|-e|-w|h\x74tps?:|\.\.\\)[^'\n]{0,200}(&a\x70os;|')![A-Z_]/ nocase
        $evil = /(p\x6fwershell|m\x73hta|c\x65rtutil|b\x69tsadmin|r\x65gsvr32|r\x75ndll32|\\\\\d{1,3}\.)/ nocase
    condition:
        filesize < 4MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule rtf_equation_exploit
{
    meta:
        author = "Overt project"
        description = "RTF document with an Equation Editor object that is loaded without being asked for"
        reference = "https://nvd.nist.gov/vuln/detail/CVE-2017-11882"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $data = "\\o\x62jdata"
        $update = "\\o\x62jupdate"
        $class = "E\x71uation.3" nocase
        $hex = "4\x3571756174696f6e2e33" nocase
        $clsid = "0\x32ce020000000000c000000000000046" nocase
    condition:
        uint32(0) == 0x74725c7b and filesize < 16MB and $data and $update and
        any of ($class, $hex, $clsid)
}

rule rtf_embedded_program
{
    meta:
        author = "Overt project"
        description = "RTF document that carries a Windows program in an object"
        reference = "https://attack.mitre.org/techniques/T1204/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $data = "\\o\x62jdata"
        $stub = "5\x346869732070726f6772616d2063616e6e6f74206265" nocase
        $package = "5\x3061636b61676500" nocase
        $name = /2e(65786500|73637200|76627300|6a7300|68746100|6c6e6b00|62617400|636d6400|70733100)/ nocase
    condition:
        uint32(0) == 0x74725c7b and filesize < 64MB and $data and ($stub or ($package and $name))
}
