# SPDX-License-Identifier: GPL-2.0-or-later
"""What the probe of a real tree has told: a unit of it fails, and another one never ends, before the target."""

COMMIT = "643ca68ebe3ded282bf10b3df0b34b14e478531f7f1343ed0f04ef9b88811403"
COMMANDS = ("systemctl --version", "test -e /nowhere")
TOLD = """up
begin 00
|graphical.target
|189 endless.service                      start running
|113 multi-user.target                    start waiting
|187 systemd-update-utmp-runlevel.service start waiting
|112 graphical.target                     start waiting
end 00 1
begin 01
|/sysroot/ostree/deploy/smoketest/deploy/643ca68ebe3ded282bf10b3df0b34b14e478531f7f1343ed0f04ef9b88811403.0
end 01 0
begin 02
|touch: cannot touch '/usr/.smoketest': Read-only file system
end 02 0
begin 03
end 03 0
begin 04
|serial-getty@ttyS0.service loaded active running Serial Getty on ttyS0
end 04 0
begin 05
|systemd 252 (252.39-1~deb12u2)
|+PAM +AUDIT +SELINUX +APPARMOR +IMA +SMACK +SECCOMP +GCRYPT -GNUTLS +OPENSSL +ACL +BLKID +CURL +ELFUTILS +FIDO2 +IDN2
end 05 0
begin 06
end 06 1
begin 07
|broken.service
|  × broken.service - Breaks
|       Loaded: loaded (/lib/systemd/system/broken.service; static)
|       Active: failed (Result: exit-code) since Sun 2026-11-22 07:40:04 UTC; 34s ago
|      Process: 261 ExecStart=/bin/sh -c echo the <b>disk</b> is gone; exit 3 (code=exited, status=3)
|     Main PID: 261 (code=exited, status=3)
|          CPU: 140ms
|
|  Nov 22 07:40:02 localhost systemd[1]: Starting broken.service - Breaks...
|  Nov 22 07:40:03 localhost sh[261]: /bin/sh: 1: cannot open b: No such file
|  Nov 22 07:40:04 localhost systemd[1]: broken.service: Main process exited, code=exited, status=3/NOTIMPLEMENTED
|  Nov 22 07:40:04 localhost systemd[1]: broken.service: Failed with result 'exit-code'.
|  Nov 22 07:40:04 localhost systemd[1]: Failed to start broken.service - Breaks.
end 07 1
begin 08
|InitRDTimestampMonotonic=4891374
|UserspaceTimestampMonotonic=17451164
|FinishTimestampMonotonic=0
end 08 0
done
"""
