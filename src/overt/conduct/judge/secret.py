"""Where secrets are kept: passwords, keys, browser profiles, mail. Such a place is never ordinary."""

from __future__ import annotations

from overt.conduct.judge.places import Place

PASSWORDS = "passwords of the system"

SECRETS = (
    Place(PASSWORDS, ("/etc/shadow*", "/etc/gshadow*", "/etc/security/opasswd")),
    Place("private keys of the system", ("/etc/ssl/private/**", "/etc/ssh/ssh_host_*_key")),
    Place("SSH keys", ("/home/*/.ssh/id_*", "/root/.ssh/id_*", "!*.pub")),
    Place("PGP keys", ("/home/*/.gnupg/**", "/root/.gnupg/**")),
    Place(
        "browser profiles",
        (
            "/home/*/.mozilla/**",
            "/home/*/.config/chromium/**",
            "/home/*/.config/google-chrome/**",
            "/home/*/.config/BraveSoftware/**",
            "/home/*/.config/microsoft-edge/**",
            "/home/*/.config/opera/**",
        ),
    ),
    Place("keyrings", ("/home/*/.local/share/keyrings/**", "/home/*/.kde/**/kwallet/**")),
    Place("wallets", ("/home/*/.bitcoin/**", "/home/*/.electrum/**", "/home/*/.ethereum/**")),
    Place(
        "stored credentials",
        (
            "/home/*/.netrc",
            "/home/*/.git-credentials",
            "/home/*/.aws/**",
            "/home/*/.azure/**",
            "/home/*/.config/gcloud/**",
            "/home/*/.kube/**",
            "/home/*/.docker/config.json",
            "/home/*/.pgpass",
            "/home/*/.my.cnf",
        ),
    ),
    Place("mail", ("/var/mail/**", "/var/spool/mail/**", "/home/*/.thunderbird/**", "/home/*/Maildir/**")),
)
