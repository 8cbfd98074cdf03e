# /usr/lib/python3.X/site-packages/dnf-plugins/devpolicy_reload.py (dnf 4; Debian: /usr/lib/python3/dist-packages/dnf-plugins): before a transaction, ask
# whether the daemon-reload that its scripts run would take devices away from running containers. It warns and lets dnf go on.
import os
import subprocess

import dnf

HOOK = "/usr/share/devpolicy/before-reload"


class DevpolicyReload(dnf.Plugin):
    name = "devpolicy_reload"

    def pre_transaction(self):
        # With --installroot another system is changed, whose systemd is not the one that runs here.
        if self.base.conf.installroot == "/" and os.access(HOOK, os.X_OK):
            subprocess.call([HOOK])
