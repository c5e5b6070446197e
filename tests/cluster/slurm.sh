#!/usr/bin/env bash
# A real SLURM cluster of one node with two GPUs, for the tests of this folder. Needs root on Debian.
#   slurm.sh up DIR     install what is missing, write the configuration, start the daemons that are not running
#   slurm.sh down DIR   end all jobs, stop the daemons
# DIR holds configuration, state and logs; every user must be able to walk to it. The GPUs are device nodes without a
# driver: SLURM hands them out and fences them off, no program can compute on them. The node offers more processors and
# memory than the machine may have, so that GPUs are what limits.
set -euo pipefail
# shellcheck source=apt.sh
source "$(dirname "${BASH_SOURCE[0]}")/apt.sh"
GPUS=2 CPUS=8 MEMORY=16000 PORT=16817 CLUSTER=skybake

die() { echo "slurm.sh: $*" >&2; exit 1; }
(($# == 2)) && [[ $1 == up || $1 == down ]] || die "usage: slurm.sh up|down DIR"
((EUID == 0)) || die "needs root"
mkdir -p "$2" && dir=$(cd "$2" && pwd)
link=/etc/slurm/slurm.conf # in /etc, since the SLURM plugin of Snakemake drops SLURM_CONF from the jobs' environment
export SLURM_CONF=$dir/slurm.conf DEBIAN_FRONTEND=noninteractive

pid_of() { # NAME: print the pid of a daemon that was started from DIR, if it is alive
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) && [[ -n $pid && $(cat "/proc/$pid/comm" 2>/dev/null) == "$1" ]] && echo "$pid"
}

wait_for() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || { tail -n 15 "$dir"/log/*.log >&2 || true; die "timed out: $what"; }
    sleep 0.2
  done
}

install_packages() { # NAME...
  local missing=() name policy=/usr/sbin/policy-rc.d
  for name in "$@"; do
    [[ $(dpkg-query -Wf '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  if [[ ! -e $policy ]]; then # the packages must not start services of their own
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"
  fi
  { apt_get update && apt_get install -y --no-install-recommends "${missing[@]}"; } >"$dir/log/apt.log" 2>&1 ||
    { tail -n 20 "$dir/log/apt.log" >&2; die "apt-get could not install ${missing[*]}"; }
}

configure() {
  local host tracking index
  host=$(hostname -s)
  # The kernel enforces a job's memory where v1 cgroups are writable; elsewhere SLURM samples it and kills.
  tracking=$'ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\nJobAcctGatherParams=OverMemoryKill'
  if [[ -w /sys/fs/cgroup/memory/cgroup.procs && -w /sys/fs/cgroup/freezer/cgroup.procs ]]; then
    tracking=$'ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup'
    printf '%s\n' CgroupPlugin=cgroup/v1 ConstrainRAMSpace=yes ConstrainDevices=yes ConstrainCores=no >"$dir/cgroup.conf"
  fi
  : >"$dir/gres.conf"
  for ((index = 0; index < GPUS; index++)); do
    [[ -e $dir/dev/nvidia$index ]] || mknod -m 666 "$dir/dev/nvidia$index" c 195 "$index"
    echo "NodeName=$host Name=gpu File=$dir/dev/nvidia$index" >>"$dir/gres.conf"
  done
  # A lost node is noticed in 15 s instead of 300; finished jobs stay in squeue for MinJobAge.
  cat >"$SLURM_CONF" <<CONF
ClusterName=$CLUSTER
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$PORT
SlurmdPort=$((PORT + 1))
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
MpiDefault=none
$tracking
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdTimeout=15
KillWait=5
ReturnToService=2
MinJobAge=300
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=$((PORT + 2))
AccountingStoragePass=socket=$dir/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=limits,qos
AccountingStoreFlags=job_comment
GresTypes=gpu
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$CPUS RealMemory=$MEMORY Gres=gpu:$GPUS State=UNKNOWN
PartitionName=all Nodes=$host Default=YES DefMemPerCPU=500 MaxTime=INFINITE State=UP
CONF
  (umask 077 && cat >"$dir/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=$((PORT + 2))
SlurmUser=root
PidFile=$dir/slurmdbd.pid
LogFile=$dir/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
CONF
  )
}

start() {
  if ! pid_of munged; then
    rm -f "$dir"/munge/socket{,.lock}
    [[ -s $dir/munge/key ]] || (umask 077 && head -c 128 /dev/urandom >"$dir/munge/key")
    munged --socket="$dir/munge/socket" --key-file="$dir/munge/key" --pid-file="$dir/munged.pid" \
      --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed"
  fi
  wait_for 10 munged munge -n -S "$dir/munge/socket"
  if ! pid_of mariadbd; then # a socket and no port: root is let in by its user id
    [[ -d $dir/database/mysql ]] || mariadb-install-db --no-defaults --user=root --datadir="$dir/database" \
      --skip-test-db --auth-root-authentication-method=socket >"$dir/log/database-install.log" 2>&1
    setsid mariadbd --no-defaults --user=root --datadir="$dir/database" --socket="$dir/database.socket" \
      --pid-file="$dir/mariadbd.pid" --skip-networking --innodb-buffer-pool-size=64M \
      --innodb-lock-wait-timeout=900 >"$dir/log/database.log" 2>&1 </dev/null &
  fi
  wait_for 60 mariadbd mariadb-admin --no-defaults --socket="$dir/database.socket" ping
  pid_of slurmdbd || MYSQL_UNIX_PORT=$dir/database.socket SLURM_CONF=$dir/slurmdbd.conf slurmdbd
  wait_for 20 slurmdbd sacctmgr -n list cluster
  [[ -n $(sacctmgr -n list cluster "$CLUSTER") ]] || sacctmgr -i -Q add cluster "$CLUSTER"
  if [[ -z $(sacctmgr -n list association user=root) ]]; then # limits are enforced, so users need an account
    sacctmgr -i -Q add account tests
    sacctmgr -i -Q add user root account=tests
  fi
  pid_of slurmctld || slurmctld -f "$SLURM_CONF"
  wait_for 30 slurmctld scontrol ping
  pid_of slurmd || slurmd -f "$SLURM_CONF"
  wait_for 60 "the node" usable
  wait_for 30 accounting sacct -X
}

usable() { [[ $(sinfo -hN -o %T) =~ ^(idle|mixed|allocated)$ ]]; }
no_jobs() { [[ -z $(squeue -h) ]]; }

stop() { # NAME
  local pid
  pid=$(pid_of "$1") || return 0
  kill "$pid"
  for ((tries = 0; tries < 200; tries++)); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$pid"
}

if [[ $1 == up ]]; then
  [[ -L $link || ! -e $link ]] || die "$link is not a link: this machine belongs to a cluster"
  path=$dir
  while [[ $path != / ]]; do
    [[ $(stat -c %A "$path") == *[xt] ]] || die "$path is closed to other users: choose another DIR"
    path=$(dirname "$path")
  done
  mkdir -p "$dir"/{log,state,spool,dev,munge} && chmod 755 "$dir" "$dir/munge"
  install_packages slurmctld slurmd slurm-client slurmdbd munge mariadb-server
  configure
  mkdir -p "$(dirname "$link")" && ln -sfn "$SLURM_CONF" "$link"
  start >/dev/null
  echo "slurm $(sinfo -V | cut -d' ' -f2): $(sinfo -hN -o '%T, %c processors, %m MB, %G')"
else
  if pid_of slurmctld >/dev/null && pid_of slurmd >/dev/null; then # or the jobs would outlive the daemons
    scancel --partition=all || true
    (wait_for 20 "the jobs' end" no_jobs) || true
  fi
  for name in slurmd slurmctld slurmdbd mariadbd munged; do stop "$name"; done
  [[ $(readlink "$link" 2>/dev/null) != "$SLURM_CONF" ]] || rm -f "$link"
fi
