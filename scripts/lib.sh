# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What this project's bash scripts share.  Source it, do not run it:
#
#	. "$(dirname "$(readlink -f "$0")")/lib.sh"
#
# It sets shell options (errexit, nounset, pipefail) and two variables:
#
#   NVME_DBBUF_TOP    top of the checkout
#   NVME_DBBUF_CACHE  cache directory, created; everything in it can be made
#                     again and may be deleted at any time
#
# and defines:
#
#   note MESSAGE...              progress, on stderr
#   die CODE MESSAGE...          error on stderr, then exit CODE
#   need_packages PACKAGE...     install those Debian packages that are missing
#   need_series_tools            install what scripts/mkseries needs
#   need_space DIR MEGABYTES     die when DIR's file system has less than that
#   with_lock NAME COMMAND...    run COMMAND (in a subshell) under a lock
#   make_temp                    set TEMP to a new directory in the cache, on the
#                                file system where results go, so that finished
#                                work can be renamed into place; removed on exit
#
# Exit codes of every tool here: 0 pass, 1 a test failed, 2 usage, 4 skipped,
# 69 the infrastructure failed (network, disk space, a missing package...).

set -o errexit -o nounset -o pipefail
shopt -s inherit_errexit

# modinfo and others are not in a user's path.
PATH=$PATH:/usr/sbin:/sbin

NVME_DBBUF_TOP=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")

# HOME is not set in every service or CI job.
if [ -z "${XDG_CACHE_HOME:-}" ] && [ -z "${HOME:-}" ]; then
	HOME=$(getent passwd "$(id -u)" | cut -d: -f6)
fi
NVME_DBBUF_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/nvme-dbbuf

note()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	local code=$1

	shift
	note "$@"
	exit "$code"
}

mkdir -p "$NVME_DBBUF_CACHE/lock" "$NVME_DBBUF_CACHE/tmp" ||
	die 69 "cannot create the cache $NVME_DBBUF_CACHE; set XDG_CACHE_HOME to a directory that can be written to"
NVME_DBBUF_CACHE=$(readlink -f "$NVME_DBBUF_CACHE")
# shellcheck disable=SC2034 # both are for the scripts that source this file
readonly NVME_DBBUF_TOP NVME_DBBUF_CACHE

make_temp()
{
	# What a killed run left behind; nothing here works for two days.
	find "$NVME_DBBUF_CACHE/tmp" -mindepth 1 -maxdepth 1 -mmin +2880 \
		-exec rm -rf {} + 2>/dev/null || true

	TEMP=$(mktemp -d "$NVME_DBBUF_CACHE/tmp/${0##*/}.XXXXXX") ||
		die 69 "cannot create a directory in $NVME_DBBUF_CACHE/tmp"
	trap 'rm -rf "$TEMP"' EXIT
	# Without these a signal would end the shell without the EXIT trap.
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

with_lock()
{
	local fd file=$NVME_DBBUF_CACHE/lock/$1 name=$1 status=0

	shift
	while :; do
		mkdir -p "${file%/*}"
		exec {fd}>"$file"
		if ! flock --nonblock "$fd"; then
			note "waiting for another run that holds the lock '$name'"
			flock "$fd"
		fi
		# Someone may have emptied the cache meanwhile, and a third
		# process may hold a new file of this name.
		[ "$file" -ef "/proc/self/fd/$fd" ] && break
		exec {fd}>&-
	done
	# The subshell drops its copy of the lock: what COMMAND leaves in the
	# background must not keep it.  It is a plain command, not part of a
	# list, so that errexit stays in force inside.
	(
		exec {fd}>&-
		"$@"
	)
	status=$?
	exec {fd}>&-
	return "$status"
}

need_space()
{
	local dir=$1 need=$2 have

	have=$(df --output=avail --block-size=1M "$dir" | tail -n 1) ||
		die 69 "cannot find out how much space $dir has"
	[ "$have" -ge "$need" ] ||
		die 69 "$dir has $((have)) MB free, $need MB are needed; free some space or set XDG_CACHE_HOME"
}

need_packages()
{
	local missing

	missing=$(_missing_packages "$@")
	[ -z "$missing" ] || with_lock packages _install_packages "$@"
}

need_series_tools()
{
	local python

	need_packages coccinelle git python3
	# spatch loads the library of Debian's Python, and does not depend on it.
	python=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
	need_packages "libpython$python"
}

# dpkg-query is asked once for all of them: this is the path of every run.
_missing_packages()
{
	local installed package

	command -v dpkg-query >/dev/null ||
		die 69 "this is not a Debian system; install by hand: $*"
	# shellcheck disable=SC2016 # the braces are dpkg-query's, not ours
	installed=$(dpkg-query --show \
		--showformat='${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || true
	for package; do
		grep -qxF "installed $package" <<<"$installed" || printf '%s ' "$package"
	done
}

_install_packages()
{
	local missing log root=()

	# Another run may have installed them while this one waited.
	missing=$(_missing_packages "$@")
	[ -n "$missing" ] || return 0

	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die 69 "not root and no sudo; install as root: apt-get install $missing"
		if sudo -n true 2>/dev/null; then
			root=(sudo -n)
		else
			root=(sudo)
		fi
	fi
	root+=(env DEBIAN_FRONTEND=noninteractive)

	note "installing $missing"
	log=$(mktemp "$NVME_DBBUF_CACHE/tmp/apt.XXXXXX")
	# Lists that are missing or older than the mirror's make the first try
	# fail; only then is the time for an update spent.
	# shellcheck disable=SC2086 # a list of words
	if ! _apt_install $missing >"$log" 2>&1 &&
	   ! { "${root[@]}" apt-get -q -o Acquire::Retries=3 update &&
	       _apt_install $missing; } >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		die 69 "cannot install $missing(apt's last words are above)"
	fi
	rm -f "$log"
}

_apt_install()
{
	"${root[@]}" apt-get -q -y --no-install-recommends -o Acquire::Retries=3 \
		-o DPkg::Lock::Timeout=600 install "$@" </dev/null
}
