/*
  Linux rootkits and back doors: libraries that hide files and connections, kernel modules, packet-triggered shells.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

import "elf"

rule rootkit_preload_hides_files
{
    meta:
        author = "Overt project"
        description = "preloaded library that replaces the functions for listing folders and looks at processes or connections"
        reference = "https://attack.mitre.org/techniques/T1574/006/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $lookup = "d\x6csym" fullword
        $list = /\x00(__)?r\x65addir(64)?(_r)?\x00/
        $fd = "/\x70roc/self/fd/%d"
        $preload = "l\x64.so.preload"
        $net = "/\x70roc/net/tcp"
        $status = "/\x70roc/%s/stat"
        $cmdline = "/\x70roc/%s/cmdline"
    condition:
        uint32(0) == 0x464c457f and filesize < 2MB and elf.type == elf.ET_DYN and $lookup and $list and
        2 of ($fd, $preload, $net, $status, $cmdline) and
        for any s in elf.dynsym : ((s.name == "readdir" or s.name == "readdir64") and s.shndx != 0)
}

rule rootkit_preload_hides_ports
{
    meta:
        author = "Overt project"
        description = "preloaded library that replaces file opening and rewrites the list of network connections"
        reference = "https://attack.mitre.org/techniques/T1574/006/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $lookup = "d\x6csym" fullword
        $tcp = "/\x70roc/net/tcp"
        $format = "%\x364[0-9A-Fa-f]:%X"
        $temporary = "t\x6dpfile"
    condition:
        uint32(0) == 0x464c457f and filesize < 2MB and elf.type == elf.ET_DYN and $lookup and $tcp and
        any of ($format, $temporary) and
        for any s in elf.dynsym : ((s.name == "fopen" or s.name == "fopen64" or s.name == "open") and s.shndx != 0)
}

rule rootkit_preload_back_door
{
    meta:
        author = "Overt project"
        description = "preloaded library that replaces login or network functions and starts a shell"
        reference = "https://attack.mitre.org/techniques/T1556/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $lookup = "d\x6csym" fullword
        $shell = /\/b\x69n\/(ba|da)?sh\x00/
        $preload = "l\x64.so.preload"
        $terminal = "H\x49STFILE"
        $pty = "o\x70enpty"
        $dup = "d\x75p2"
        $libc = "__\x6cibc_start_main"
    condition:
        uint32(0) == 0x464c457f and filesize < 1MB and elf.type == elf.ET_DYN and $lookup and $shell and
        $dup and not $libc and any of ($preload, $terminal, $pty) and
        for any s in elf.dynsym : ((s.name == "accept" or s.name == "pam_authenticate" or s.name == "getpwnam" or s.name == "getspnam") and s.shndx != 0)
}

rule rootkit_kernel_module
{
    meta:
        author = "Overt project"
        description = "kernel module that replaces the system calls for listing folders"
        reference = "https://attack.mitre.org/techniques/T1014/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $module = "v\x65rmagic="
        $table = /(s\x79s_c\x61ll_t\x61ble|k\x61llsyms_l\x6fokup_n\x61me|f\x74race_s\x65t_f\x69lter_ip)/
        $calls = /(g\x65tdents64|s\x79s_g\x65tdents|i\x74erate_s\x68ared|f\x69lldir64?|f\x69llonedir)/
        $hide = /(h\x69de_?(p\x69d|p\x72oc|f\x69le|m\x6fdule|p\x6frt|p\x72ocess)|m\x6fdule_h\x69de|g\x69ve_r\x6fot|c\x6fmmit_c\x72eds|p\x72epare_c\x72eds|s\x65t_r\x6fot|h\x61cked_)/ nocase
    condition:
        uint32(0) == 0x464c457f and filesize < 4MB and elf.type == elf.ET_REL and all of them
}

rule rootkit_ebpf
{
    meta:
        author = "Overt project"
        description = "kernel byte code (eBPF) that rewrites what programs see of folders"
        reference = "https://attack.mitre.org/techniques/T1014/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $hook = /(tp|t\x72acepoint)\/s\x79scalls\/s\x79s_(e\x6eter|e\x78it)_g\x65tdents(64)?/
        $mark = /(h\x69de|p\x69d_to_h\x69de|p\x61tch|d\x69rent|d_r\x65clen|p\x72epend)/ nocase
    condition:
        uint32(0) == 0x464c457f and filesize < 16MB and uint16(18) == 247 and all of them
}

rule backdoor_packet_filter
{
    meta:
        author = "Overt project"
        description = "BPFDoor: back door that waits for a packet behind a filter and takes a system service's name"
        reference = "https://attack.mitre.org/software/S1161/"
        severity = "critical"
        licence = "Apache-2.0"
    strings:
        $a = "/\x64ev/shm/k\x64mtmpflush"
        $b = "/\x76ar/run/h\x61ldrund.pid"
        $c = "/\x76ar/run/initd.lock"
        $d = "q\x6dgr -l -t fifo -u"
        $e = "/\x73bin/m\x69ngetty /dev/tty7"
        $f = "h\x61ld-addon-acpi: l\x69stening on acpi kernel i\x6eterface"
        $g = "p\x69ckup -l -t fifo -u"
    condition:
        filesize < 8MB and 3 of them and
        (uint32(0) == 0x464c457f or uint16(0) == 0x2123 or uint16(0) == 0x2f2a)
}

rule backdoor_kernel_thread_name
{
    meta:
        author = "Overt project"
        description = "program with network functions that calls itself a kernel thread"
        reference = "https://attack.mitre.org/techniques/T1036/011/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $name = /\x00\[(k\x77orker\/[0-9u:]{1,8}|k\x74hreadd|k\x73oftirqd\/\d{1,2}|m\x69gration\/\d{1,2}|r\x63u_s\x63hed|w\x61tchdog\/\d{1,2}|k\x73wapd0|k\x64evtmpfs|j\x62d2\/[a-z0-9\-]{3,12})\]\x00/
        $net = /\x00(c\x6fnnect|a\x63cept|i\x6eet_a\x64dr|g\x65thostbyname|g\x65taddrinfo|r\x65cvfrom)\x00/
        $run = /\x00(e\x78ecve|e\x78ecl|e\x78eclp|e\x78ecvp|s\x79stem|p\x6fpen|f\x6frk|d\x61emon)\x00/
    condition:
        uint32(0) == 0x464c457f and filesize < 16MB and all of them
}

rule backdoor_ssh_master_password
{
    meta:
        author = "Overt project"
        description = "SSH server changed to record passwords or to accept one of its own"
        reference = "https://attack.mitre.org/techniques/T1554/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $server = /(O\x70enSSH_\d|s\x73hd_c\x6fnfig|S\x53H-2\.0-)/
        $record = /(\/t\x6dp\/|\/v\x61r\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/u\x73r\/(l\x69b|s\x68are|i\x6eclude|l\x6fcal\/s\x68are)\/)[\w.\-\/]{1,40}\x00/
        $format = /(u\x73er|l\x6fgin|f\x72om)\s{0,2}[:=]\s{0,2}%s[^\x00\n]{0,24}p\x61ss(w\x6frd|wd)?\s{0,2}[:=]\s{0,2}%s/ nocase
    condition:
        uint32(0) == 0x464c457f and filesize < 16MB and all of them
}

rule botnet_flood_program
{
    meta:
        author = "Overt project"
        description = "Linux bot that scans for weak passwords and floods other hosts on command"
        reference = "https://attack.mitre.org/techniques/T1498/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $b1 = "/\x62in/busybox"
        $b2 = /(e\x6eable|s\x79stem|s\x68ell|sh)\x00(e\x6eable|s\x79stem|s\x68ell|sh)\x00/
        $b3 = /\b(xc3511|v\x69zxv|7u\x6aMko0a\x64min|7u\x6aMko0v\x69zxv|Z\x74e521|hi3518|j\x75antech|k\x6cv123[45])\b/
        $f1 = /\b(U\x44P|T\x43P|H\x54TP|I\x43MP|S\x59N|A\x43K|S\x54D|V\x53E|G\x52E|U\x44PPLAIN|X\x4dAS|O\x56H)[ _]?F\x4cOOD(I\x4eG)?\b/ nocase
        $f2 = /\x00(u\x64pflood|t\x63pflood|h\x74tpflood|s\x79nflood|s\x74dhex|v\x73eattack|a\x74tack_u\x64p_\w{3,12}|a\x74tack_t\x63p_\w{3,12}|a\x74tack_m\x65thod_\w{3,12})\x00/ nocase
        $f3 = "T\x53ource Engine Query"
        $p1 = /P\x52IVMSG %s :/
        $p2 = "/\x64ev/w\x61tchdog"
        $p3 = "/\x64ev/misc/w\x61tchdog"
    condition:
        uint32(0) == 0x464c457f and filesize < 4MB and 1 of ($b*) and 1 of ($f*) and 1 of ($p*)
}
