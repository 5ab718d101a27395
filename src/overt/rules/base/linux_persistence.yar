/*
  Linux scripts and unit files that make something come back: cron, systemd, SSH keys, preloading, profiles, accounts.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule persistence_cron_download
{
    meta:
        author = "Overt project"
        description = "scheduled job that fetches a script and runs it"
        reference = "https://attack.mitre.org/techniques/T1053/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $job = /(@(r\x65boot|h\x6furly|d\x61ily)|[\*\d\/,\-]{1,8}\s{1,4}\*\s{1,4}\*\s{1,4}\*)\s[^\n]{0,80}(c\x75rl|w\x67et|p\x79thon[23]?\s{1,2}-c)\s[^\n|]{0,240}\|\s{0,4}(\/b\x69n\/|\/u\x73r\/b\x69n\/)?(ba|z|da)?sh\b/
        $encoded = /(@(r\x65boot|h\x6furly|d\x61ily)|[\*\d\/,\-]{1,8}\s{1,4}\*\s{1,4}\*\s{1,4}\*)\s[^\n]{0,80}e\x63ho\s{1,4}[A-Za-z0-9+\/=]{16,400}\s{0,4}\|\s{0,4}b\x61se64\s{1,2}(-d|--d\x65code)/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule persistence_cron_hidden_file
{
    meta:
        author = "Overt project"
        description = "scheduled job that runs a hidden file or a file in a folder for temporary files"
        reference = "https://attack.mitre.org/techniques/T1053/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $job = /(@r\x65boot|[\*\d\/,\-]{1,8}\s{1,4}\*\s{1,4}\*\s{1,4}\*)\s{1,4}(r\x6fot\s{1,4})?["']?(\/b\x69n\/(ba)?sh\s{1,4}(-c\s{1,4})?["']?)?(\/t\x6dp|\/v\x61r\/t\x6dp|\/d\x65v\/s\x68m)\/([\w.\-]{1,24}\/){0,2}\.[A-Za-z0-9_]/
        $writes = /\bc\x72ontab\b|\/e\x74c\/c\x72on|\/v\x61r\/s\x70ool\/c\x72on|@r\x65boot/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $job and $writes
}

rule persistence_cron_writer
{
    meta:
        author = "Overt project"
        description = "script that adds a downloading or hidden job to the crontab"
        reference = "https://attack.mitre.org/techniques/T1053/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $append = /\(\s{0,2}c\x72ontab\s{1,2}-l[^\n]{0,60}(;|\|\||&&)\s{0,4}(e\x63ho|p\x72intf)\s[^\n]{0,160}(c\x75rl\s|w\x67et\s|\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/v\x61r\/t\x6dp\/|b\x61se64\s{1,2}-d|\/d\x65v\/t\x63p\/)[^\n]{0,240}\|\s{0,4}c\x72ontab\s{1,2}-/
        $echo = /(c\x75rl\s|w\x67et\s|\/d\x65v\/t\x63p\/|b\x61se64\s{1,2}-d)[^\n>]{1,160}["']\s{0,4}(\|\s{0,4}c\x72ontab\s{1,2}-|>{1,2}\s{0,4}(\/e\x74c\/c\x72on(t\x61b|\.d\/|\.h\x6furly\/)|\/v\x61r\/s\x70ool\/c\x72on\/))/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule persistence_systemd_unit
{
    meta:
        author = "Overt project"
        description = "service unit that starts a hidden or temporary file, or a downloading command"
        reference = "https://attack.mitre.org/techniques/T1543/002/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $service = "[\x53ervice]"
        $hidden = /\nE\x78ec(S\x74art|S\x74artPre)\s{0,2}=\s{0,2}[-@+!]{0,2}(\/b\x69n\/(ba)?sh\s{1,2}(-c\s{1,2})?["']?)?(\/t\x6dp|\/v\x61r\/t\x6dp|\/d\x65v\/s\x68m)\/\.?[\w.\-\/]{1,60}/
        $command = /\nE\x78ec(S\x74art|S\x74artPre)\s{0,2}=[^\n]{0,40}sh\s{1,2}-[lic]{1,3}\s[^\n]{0,120}((c\x75rl|w\x67et)\s[^\n|]{1,200}\|\s{0,4}(ba)?sh|\/d\x65v\/t\x63p\/\d|b\x61se64\s{1,2}(-d|--d\x65code)\s{0,2}\|)/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $service and any of ($hidden, $command)
}

rule persistence_authorized_key
{
    meta:
        author = "Overt project"
        description = "script that adds its own SSH key and hides or downloads something"
        reference = "https://attack.mitre.org/techniques/T1098/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $key = /(s\x73h-(r\x73a|ed25519|d\x73s)|e\x63dsa-s\x68a2-n\x69stp\d{3})\s{1,2}A\x41AA[A-Za-z0-9+\/]{16}/
        $append = /(>>?|\bt\x65e\s{1,2}-a)\s{0,4}["']?(~|\/r\x6fot|\/h\x6fme\/[^\s\/"']{1,32}|\$H\x4fME|\$\{H\x4fME\}|\$\w{1,24})?\/?\.s\x73h\/a\x75thorized_k\x65ys/
        $more = /(c\x68attr\s{1,2}[+\-][iau]|c\x75rl\s[^\n|]{0,120}\|\s{0,4}(ba)?sh|w\x67et\s[^\n|]{0,120}\|\s{0,4}(ba)?sh|h\x69story\s{1,2}-c|H\x49STFILE|c\x72ontab\s|\/d\x65v\/s\x68m\/|\/t\x6dp\/\.)/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule persistence_ld_preload
{
    meta:
        author = "Overt project"
        description = "script that has a hidden or temporary library loaded into every program"
        reference = "https://attack.mitre.org/techniques/T1574/006/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $echo = /(e\x63ho|p\x72intf)\s{1,4}(-e\s|-n\s)?["']?(\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/v\x61r\/t\x6dp\/|\/[\w\/]{0,40}\/\.)[^\n>]{1,100}>{1,2}\s{0,4}\/e\x74c\/ld\.so\.p\x72eload/
        $move = /(cp|mv)\s{1,4}(-f\s{1,4})?(\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/v\x61r\/t\x6dp\/)\S{1,60}\s{1,4}\/e\x74c\/ld\.so\.p\x72eload/
        $environment = /(e\x63ho|p\x72intf)\s[^\n]{0,20}LD_P\x52ELOAD=["']?(\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/v\x61r\/t\x6dp\/|\/[\w\/]{0,40}\/\.)[^\n>]{1,100}>{1,2}\s{0,4}(\/e\x74c\/(e\x6evironment|p\x72ofile|b\x61sh\.b\x61shrc)|~?\/?\S{0,24}\.(b\x61shrc|p\x72ofile|b\x61sh_p\x72ofile))/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and any of them
}

rule persistence_profile_hook
{
    meta:
        author = "Overt project"
        description = "script that adds a downloading or connecting command to a shell profile"
        reference = "https://attack.mitre.org/techniques/T1546/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $hook = /(e\x63ho|p\x72intf)\s[^\n]{0,160}(c\x75rl\s[^\n>]{1,160}\|\s{0,4}(ba)?sh|w\x67et\s[^\n>]{1,160}\|\s{0,4}(ba)?sh|\/d\x65v\/t\x63p\/|b\x61se64\s{1,2}-d|n\x6fhup\s{1,2}(\/t\x6dp|\/d\x65v\/s\x68m))[^\n]{0,160}>>\s{0,4}["']?(~|\$H\x4fME|\$\{H\x4fME\}|\/r\x6fot|\/h\x6fme\/\S{1,32}|\/e\x74c)\/(\.b\x61shrc|\.p\x72ofile|\.b\x61sh_p\x72ofile|\.z\x73hrc|p\x72ofile|p\x72ofile\.d\/\S{1,40}|b\x61sh\.b\x61shrc)/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $hook
}

rule persistence_rc_local
{
    meta:
        author = "Overt project"
        description = "script that adds a hidden, temporary or downloaded command to the start-up scripts"
        reference = "https://attack.mitre.org/techniques/T1037/004/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $hook = /(e\x63ho|p\x72intf)\s[^\n]{0,120}(\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/v\x61r\/t\x6dp\/|c\x75rl\s|w\x67et\s|\/d\x65v\/t\x63p\/|\/\.[a-z])[^\n>]{0,160}>>\s{0,4}["']?\/e\x74c\/(rc\.l\x6fcal|rc\.d\/rc\.l\x6fcal|i\x6eit\.d\/\S{1,40}|i\x6eittab)/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $hook
}

rule persistence_suid_shell
{
    meta:
        author = "Overt project"
        description = "script that makes a copy of the shell that gives its caller root's rights"
        reference = "https://attack.mitre.org/techniques/T1548/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $copy = /cp\s{1,4}(-\w{1,4}\s{1,4})?(\/u\x73r)?\/b\x69n\/(ba|da|k|z)?sh\s{1,4}\S{1,60}\s{0,4}[;&\n]{1,3}\s{0,4}(s\x75do\s{1,4})?(c\x68own\s{1,4}r\x6fot\S{0,10}\s{1,4}\S{1,60}\s{0,4}[;&\n]{1,3}\s{0,4})?c\x68mod\s{1,4}([ugo]{0,3}\+[rwx]{0,3}s|[0]?[4-7][0-7]{3})\s/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $copy
}

rule persistence_root_account
{
    meta:
        author = "Overt project"
        description = "script that appends an account with root's number to the password file"
        reference = "https://attack.mitre.org/techniques/T1136/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $append = /(e\x63ho|p\x72intf)\s{1,4}(-e\s{1,4})?["']?[a-z_][a-z0-9_\-]{0,30}:[^:\n"']{0,120}:0:0:[^\n>]{0,80}>>\s{0,4}\/e\x74c\/(p\x61sswd|s\x68adow)/
    condition:
        filesize < 1MB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $append
}

rule persistence_udev_rule
{
    meta:
        author = "Overt project"
        description = "device rule that starts a hidden, temporary or downloaded program"
        reference = "https://attack.mitre.org/techniques/T1546/017/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $match = /(A\x43TION|S\x55BSYSTEM|K\x45RNEL|E\x4eV)\{?\w{0,20}\}?==/
        $run = /\bR\x55N(\{p\x72ogram\})?\s{0,2}\+?=\s{0,2}"[^"\n]{0,60}(\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/v\x61r\/t\x6dp\/|c\x75rl\s|w\x67et\s|\/d\x65v\/t\x63p\/|\bat\s{1,2}-[mf]|\/\.[a-z0-9]{1,20}\b)/
    condition:
        filesize < 64KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule persistence_polkit_sudoers
{
    meta:
        author = "Overt project"
        description = "script that lets an account run anything as root without a password, quietly"
        reference = "https://attack.mitre.org/techniques/T1548/003/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $append = /(e\x63ho|p\x72intf)\s[^\n>]{0,80}A\x4cL\s{0,2}=\s{0,2}\(?\s{0,2}(A\x4cL)?[^\n>]{0,12}\)?\s{0,2}N\x4fPASSWD\s{0,2}:\s{0,2}A\x4cL[^\n>]{0,24}>>?\s{0,4}\/e\x74c\/s\x75doers/
        $quiet = /(h\x69story\s{1,2}-c|u\x6eset\s{1,2}H\x49ST|H\x49STFILE=\/d\x65v\/n\x75ll|H\x49STSIZE=0|c\x68attr\s{1,2}\+i|t\x6fuch\s{1,2}-r\s|\/d\x65v\/t\x63p\/|u\x73eradd\s[^\n]{0,60}-o\s{1,2}-u\s{1,2}0)/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and all of them
}

rule linux_wipes_traces
{
    meta:
        author = "Overt project"
        description = "script that stops the shell's history and empties the records of logins"
        reference = "https://attack.mitre.org/techniques/T1070/002/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $history = /(u\x6eset\s{1,2}H\x49ST(F\x49LE|S\x49ZE|O\x52Y)|H\x49STFILE=\/d\x65v\/n\x75ll|H\x49STSIZE=0|h\x69story\s{1,2}-c|ln\s{1,2}-sf?\s{1,2}\/d\x65v\/n\x75ll\s{1,2}\S{0,24}\.b\x61sh_h\x69story|rm\s{1,2}-r?f\s{1,2}\S{0,24}\.b\x61sh_h\x69story)/
        $l1 = /(>|rm\s{1,2}-r?f|t\x72uncate\s{1,2}-s\s?0|s\x68red\s[^\n]{0,12}|c\x61t\s{1,2}\/d\x65v\/n\x75ll\s{0,2}>|e\x63ho\s{0,2}["']{0,2}\s{0,2}>)\s{0,4}\/v\x61r\/(l\x6fg|r\x75n)\/(w\x74mp|u\x74mp|b\x74mp)/
        $l2 = /(>|rm\s{1,2}-r?f|t\x72uncate\s{1,2}-s\s?0|s\x68red\s[^\n]{0,12}|c\x61t\s{1,2}\/d\x65v\/n\x75ll\s{0,2}>|e\x63ho\s{0,2}["']{0,2}\s{0,2}>)\s{0,4}\/v\x61r\/l\x6fg\/l\x61stlog/
        $l3 = /(>|rm\s{1,2}-r?f|t\x72uncate\s{1,2}-s\s?0|s\x68red\s[^\n]{0,12}|c\x61t\s{1,2}\/d\x65v\/n\x75ll\s{0,2}>|e\x63ho\s{0,2}["']{0,2}\s{0,2}>)\s{0,4}\/v\x61r\/l\x6fg\/(s\x65cure|a\x75th\.l\x6fg|m\x65ssages|s\x79slog)/
    condition:
        filesize < 256KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and $history and 2 of ($l*)
}

rule linux_disables_protection
{
    meta:
        author = "Overt project"
        description = "script that switches off a server's protections and then fetches something"
        reference = "https://attack.mitre.org/techniques/T1562/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $p1 = /\bs\x65tenforce\s{1,2}0\b/
        $p2 = /\bi\x70tables\s{1,2}-F\b/
        $p3 = /\bu\x66w\s{1,2}d\x69sable\b/
        $p4 = /\bc\x68attr\s{1,2}-[iau]{1,3}\s{1,4}(\/t\x6dp|\/v\x61r\/t\x6dp|\/e\x74c\/(ld\.so\.p\x72eload|p\x61sswd|c\x72ontab)|\/v\x61r\/s\x70ool\/c\x72on|\/r\x6fot\/\.s\x73h)/
        $p5 = /(a\x6ciyun[\-_ ]?(s\x65rvice|a\x73sist)|a\x65gis|Y\x44Service|q\x63loud[^\n]{0,24}u\x6einst|c\x6coudmonitor)/ nocase
        $p6 = /(s\x79stemctl\s{1,2}(s\x74op|d\x69sable)|s\x65rvice)\s{1,2}(a\x70parmor|f\x69rewalld|f\x61lcon-s\x65nsor|a\x75ditd|w\x61zuh-a\x67ent)/
        $p7 = /s\x79sctl\s{1,2}(-w\s{1,2})?k\x65rnel\.n\x6di_w\x61tchdog=0|e\x63ho\s{1,2}['"]?0['"]?\s{0,2}>\s{0,2}\/p\x72oc\/s\x79s\/k\x65rnel\/n\x6di_w\x61tchdog/
        $fetch = /(c\x75rl|w\x67et)\s[^\n]{0,80}h\x74tps?:\/\//
    condition:
        filesize < 512KB and uint16(0) != 0x5a4d and uint16(0) != 0x457f and uint16(0) != 0x4b50 and
        uint16(0) != 0xcfd0 and 3 of ($p*) and $fetch
}

rule pam_records_passwords
{
    meta:
        author = "Overt project"
        description = "PAM module that writes users' names and passwords somewhere"
        reference = "https://attack.mitre.org/techniques/T1556/003/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $entry = "p\x61m_sm_a\x75thenticate"
        $format = /(u\x73er(n\x61me)?|l\x6fgin|u\x73r)\s{0,2}[:=]\s{0,2}['"<]?%s[^\x00]{0,24}(p\x61ss(w\x6frd|wd)?|p\x77d)\s{0,2}[:=]\s{0,2}['"<]?%s/ nocase
        $file = /(\/t\x6dp\/|\/v\x61r\/t\x6dp\/|\/d\x65v\/s\x68m\/|\/v\x61r\/l\x6fg\/|\/\.|h\x74tps?:\/\/|\/u\x73r\/(l\x69b|s\x68are)\/)[^\x00]{2,80}\x00/
    condition:
        uint32(0) == 0x464c457f and filesize < 4MB and all of them
}
