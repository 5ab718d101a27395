/*
  Android packages that watch the person who carries the phone: combinations of permissions and functions, not products.
  Original work of the Overt project, Apache-2.0. Letters inside the patterns are written in hexadecimal so that
  this file matches neither itself nor another scanner's rules.
*/

rule stalkerware_permissions
{
    meta:
        author = "Overt project"
        description = "Android manifest that asks for messages, calls, microphone, place and control over other apps, and starts with the phone"
        reference = "https://stopstalkerware.org/what-is-stalkerware/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $sms = "a\x6edroid.p\x65rmission.READ_SMS" ascii wide
        $calls = "a\x6edroid.p\x65rmission.READ_CALL_LOG" ascii wide
        $audio = "a\x6edroid.p\x65rmission.RECORD_AUDIO" ascii wide
        $place = /a\x6edroid\.p\x65rmission\.A\x43CESS_(F\x49NE|B\x41CKGROUND)_L\x4fCATION/ ascii wide
        $boot = "a\x6edroid.p\x65rmission.RECEIVE_BOOT_C\x4fMPLETED" ascii wide
        $contacts = "a\x6edroid.p\x65rmission.READ_C\x4fNTACTS" ascii wide
        $control = /a\x6edroid\.p\x65rmission\.B\x49ND_(A\x43CESSIBILITY_S\x45RVICE|D\x45VICE_A\x44MIN|N\x4fTIFICATION_L\x49STENER_S\x45RVICE)/ ascii wide
        $messenger = "a\x6edroid.intent.action.SENDTO" ascii wide
        $role = "a\x6edroid.p\x72ovider.T\x65lephony.SMS_DELIVER" ascii wide
    condition:
        uint32(0) == 0x00080003 and filesize < 1MB and $sms and $calls and $audio and $place and $boot and
        $contacts and $control and not $messenger and not $role
}

rule stalkerware_hides_and_records
{
    meta:
        author = "Overt project"
        description = "Android code that hides its icon and collects messages, calls, sound and place"
        reference = "https://attack.mitre.org/techniques/T1628/001/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $hide = "s\x65tC\x6fmponentEnabledSetting"
        $sms = "c\x6fntent://sms"
        $calls = /c\x6fntent:\/\/c\x61ll_l\x6fg|C\x61llLog\$C\x61lls/
        $record = "L\x61ndroid/media/M\x65diaRecorder;"
        $place = "L\x61ndroid/l\x6fcation/L\x6fcationManager;"
        $hold = /L\x61ndroid\/(a\x70p\/a\x64min\/D\x65vicePolicyManager|a\x63cessibilityservice\/A\x63cessibilityService|s\x65rvice\/n\x6ftification\/N\x6ftificationListenerService);/
        $boot = "a\x6edroid.intent.action.BOOT_C\x4fMPLETED"
    condition:
        uint32(0) == 0x0a786564 and all of them
}

rule stalkerware_reads_messengers
{
    meta:
        author = "Overt project"
        description = "Android code that reads several messengers' screens or notifications besides text messages and calls"
        reference = "https://attack.mitre.org/techniques/T1517/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $hold = /L\x61ndroid\/(a\x63cessibilityservice\/A\x63cessibilityService|s\x65rvice\/n\x6ftification\/N\x6ftificationListenerService);/
        $m1 = "c\x6fm.w\x68atsapp"
        $m2 = "o\x72g.t\x65legram.m\x65ssenger"
        $m3 = "c\x6fm.f\x61cebook.orca"
        $m4 = "c\x6fm.viber.voip"
        $m5 = "c\x6fm.s\x6eapchat.android"
        $m6 = "o\x72g.t\x68oughtcrime.s\x65curesms"
        $m7 = "c\x6fm.i\x6estagram.android"
        $sms = "c\x6fntent://sms"
        $calls = /c\x6fntent:\/\/c\x61ll_l\x6fg|C\x61llLog\$C\x61lls/
    condition:
        uint32(0) == 0x0a786564 and $hold and 4 of ($m*) and $sms and $calls
}

rule stalkerware_messenger_databases
{
    meta:
        author = "Overt project"
        description = "Android code that copies messengers' databases out of their private folders with root's rights"
        reference = "https://attack.mitre.org/techniques/T1409/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $d1 = /\/d\x61ta\/d\x61ta\/c\x6fm\.w\x68atsapp\/(d\x61tabases|f\x69les)/
        $d2 = /\/d\x61ta\/d\x61ta\/o\x72g\.t\x65legram\.m\x65ssenger/
        $d3 = /\/d\x61ta\/d\x61ta\/c\x6fm\.(f\x61cebook\.o\x72ca|v\x69ber\.v\x6fip|s\x6bype\.r\x61ider|t\x65ncent\.mm|s\x6eapchat\.a\x6edroid|i\x6estagram\.a\x6edroid)/
        $d4 = /\/d\x61ta\/d\x61ta\/c\x6fm\.a\x6edroid\.(p\x72oviders\.(t\x65lephony|c\x6fntacts)|c\x68rome|e\x6dail)/
        $root = /(\/s\x79stem\/x\x62in\/su|\/s\x79stem\/b\x69n\/su|su -c|S\x75peruser\.a\x70k|s\x75peruser)/
    condition:
        uint32(0) == 0x0a786564 and 2 of ($d*) and $root
}

rule spyware_remote_control
{
    meta:
        author = "Overt project"
        description = "Android code that shows the screen to a remote person and lets that person tap, and reads messages"
        reference = "https://attack.mitre.org/techniques/T1513/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $gesture = "d\x69sp\x61tchGesture"
        $screen = /L\x61ndroid\/m\x65dia\/p\x72ojection\/M\x65diaProjection;/
        $global = "p\x65rf\x6frmGlobalAction"
        $sms = "c\x6fntent://sms"
        $text = "A\x43TION_A\x52GUMENT_SET_TEXT_C\x48ARSEQUENCE"
        $socket = /(io\/s\x6fcket\/c\x6cient|o\x6bhttp3\/W\x65bSocket|o\x72g\/j\x61va_w\x65bsocket|L\x6frg\/w\x65brtc\/P\x65erConnection)/
    condition:
        uint32(0) == 0x0a786564 and all of them
}

rule spyware_call_recorder
{
    meta:
        author = "Overt project"
        description = "Android code that records calls without being the phone's dialler, hides its icon and uploads"
        reference = "https://attack.mitre.org/techniques/T1429/"
        severity = "medium"
        licence = "Apache-2.0"
    strings:
        $state = "a\x6edroid.intent.action.PHONE_STATE"
        $outgoing = "a\x6edroid.intent.action.NEW_O\x55TGOING_CALL"
        $record = "L\x61ndroid/media/M\x65diaRecorder;"
        $hide = "s\x65tC\x6fmponentEnabledSetting"
        $upload = /(m\x75ltipart\/f\x6frm-d\x61ta|L\x6fkhttp3\/M\x75ltipartBody|u\x70loadFile|L\x63om\/g\x6fogle\/f\x69rebase\/s\x74orage\/)/
        $admin = /L\x61ndroid\/a\x70p\/a\x64min\/D\x65viceAdminReceiver;/
    condition:
        uint32(0) == 0x0a786564 and all of them
}

rule android_sms_banker
{
    meta:
        author = "Overt project"
        description = "Android code that swallows incoming messages, covers other apps and locks the phone"
        reference = "https://attack.mitre.org/techniques/T1582/"
        severity = "high"
        licence = "Apache-2.0"
    strings:
        $sms = "a\x6edroid.p\x72ovider.T\x65lephony.SMS_R\x45CEIVED"
        $abort = "a\x62or\x74Broadcast"
        $overlay = /(T\x59PE_A\x50PLICATION_O\x56ERLAY|S\x59STEM_A\x4cERT_W\x49NDOW|c\x61nDrawOverlays|A\x43TION_M\x41NAGE_O\x56ERLAY_P\x45RMISSION)/
        $apps = /(g\x65tInstalledApplications|g\x65tInstalledPackages|g\x65tRunningTasks|q\x75eryUsageStats)/
        $lock = /(l\x6fckNow|i\x73AdminActive|L\x61ndroid\/a\x63cessibilityservice\/A\x63cessibilityService;)/
        $web = "L\x61ndroid/webkit/WebView;"
    condition:
        uint32(0) == 0x0a786564 and all of them
}
