/**
 * The systemd units and what goes with them: account, directories, example configuration.
 *
 * @module
 */

/** What a user's own systemd can do too; MemoryDenyWriteExecute would stop Deno. */
const HARDENING = `NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
KeyringMode=private
LockPersonality=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Threads and rsync set their own priority; that is no privilege.
SystemCallFilter=sched_setaffinity sched_setscheduler setpriority ioprio_set
SystemCallErrorNumber=EPERM`;

const SYSTEM_HARDENING = `${HARDENING}
PrivateUsers=yes
PrivateDevices=yes
DevicePolicy=closed
CapabilityBoundingSet=
AmbientCapabilities=
ProtectClock=yes
ProtectKernelLogs=yes
ProtectProc=invisible
RemoveIPC=yes`;

/** So that neither a fault nor a guest takes the whole machine; a core dump would have secrets in it. */
const BOUNDS = `LimitNOFILE=65536
LimitCORE=0
MemoryMax=60%
TasksMax=2048`;

const RESTART = `Restart=on-failure
RestartSec=5
# Wrong configuration, or a decision that a person must make: restarting does not fix these.
RestartPreventExitStatus=2 4
TimeoutStopSec=15`;

/** The server, as the account sinkd. */
export function serverUnit(program: string): string {
  return `[Unit]
Description=sinkd server: your files, on all your machines, the same
Documentation=man:sinkd-server(1)
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${program} --pid %t/sinkd/sinkd.pid
ExecReload=${program} reload --pid %t/sinkd/sinkd.pid
${RESTART}
User=sinkd
Group=sinkd
SyslogIdentifier=sinkd-server
UMask=0077
${BOUNDS}
RuntimeDirectory=sinkd
CacheDirectory=sinkd-server
CacheDirectoryMode=0700
# For --root elsewhere, add it here: systemctl edit sinkd-server
ReadWritePaths=/srv/sinkd

ProtectHome=yes
# The users' directories are setgid, so RestrictSUIDSGID= stays off.
${SYSTEM_HARDENING}

[Install]
WantedBy=multi-user.target
`;
}

/** A client for the account that the unit's instance names. */
export function clientSystemUnit(program: string): string {
  return `[Unit]
Description=sinkd client of %i: keeps directories the same on all machines
Documentation=man:sinkd(1)
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${program} client --pid %t/sinkd-%i/sinkd.pid
ExecReload=${program} client reload --pid %t/sinkd-%i/sinkd.pid
${RESTART}
User=%i
SyslogIdentifier=sinkd
${BOUNDS}
RuntimeDirectory=sinkd-%i
CacheDirectory=sinkd/%i
CacheDirectoryMode=0700
# Where there are directories to sync. For others: systemctl edit sinkd@USER
ReadWritePaths=-/home -/root -/srv -/mnt -/media -/data

RestrictSUIDSGID=yes
${SYSTEM_HARDENING}

[Install]
WantedBy=multi-user.target
`;
}

/** A client in its user's own systemd. */
export function clientUserUnit(program: string): string {
  return `[Unit]
Description=sinkd client: keeps directories the same on all machines
Documentation=man:sinkd(1)
# Before 'sinkd join' there is nothing to do.
ConditionPathExists=%h/.local/state/sinkd/credentials.json

[Service]
Type=exec
ExecStart=${program} client --pid %t/sinkd.pid
ExecReload=${program} client reload --pid %t/sinkd.pid
${RESTART}
SyslogIdentifier=sinkd
${BOUNDS}
CacheDirectory=sinkd

# A user's own systemd has no privilege: it passes over what it cannot do.
RestrictSUIDSGID=yes
ReadWritePaths=-/home -/srv -/mnt -/media -/data %h %t %C/sinkd
${HARDENING}

[Install]
WantedBy=default.target
`;
}

/** The server's account, for systemd-sysusers. */
export const SYSUSERS = `u sinkd - "sinkd server" /srv/sinkd
`;

/** The server's directory, and where commands look for its pid file, for systemd-tmpfiles. */
export const TMPFILES = `d /srv/sinkd 2770 sinkd sinkd -
L+ /run/sinkd.pid - - - - sinkd/sinkd.pid
L+ /run/sinkd.sock - - - - sinkd/sinkd.sock
`;

/** \`/etc/sinkd.conf\` as it comes: everything is said, nothing is set. */
export const EXAMPLE_CONFIG =
  `# The sinkd client's configuration for this machine. A user's own ~/.config/sinkd.conf goes over it.
# The server needs none. Format: TOML; see sinkd.conf(5).

# Where the server is, when it is not where the join link said.
#server_addr = "files.example.org:8883"

# How much goes to the log: debug, info, warning or error.
#log_level = "info"

# How often everything is looked at again, whatever the file system told.
#rescan_interval = "1h"

# In which time every file is read through once, slowly, to find bytes that changed unseen.
#checksum_interval = "30d"

# What is synced; 'sinkd add PATH' writes these into ~/.config/sinkd.conf.
#[[anchors]]
#path = "~/docs"
#name = "docs"                # its name on the server, where paths differ between machines
#excludes = ["*.tmp", "/cache/"]
#interval = "10s"             # an open file goes at most this often
#trust_writable_by_others = false  # sync below directories that other accounts can write to, too
#rsync_bwlimit = "2M"         # any key of [rsync], for this one

#[rsync]
#compress = true
#bwlimit = "5M"
#partial = true
#checksum = false
#max_size = "4G"
#min_size = "0"
`;
