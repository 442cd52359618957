# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Packages of any Debian suite, without touching the host's apt.  Source it after
# lib.sh; scripts/getkernel and scripts/getroot are its users.
#
# Sources, lists and state are private, in the cache; the mirror and everything
# else (proxies, authentication) are the host's.  apt itself checks signatures,
# against Debian's archive keyring alone, and hashes.
#
#   apt_refresh MINUTES        fetch the lists of all suites again when they are
#                              older than that; without network the old ones stay,
#                              with a note
#   apt_private SUITE COMMAND ARGUMENT...
#                              run apt-get or apt-cache with the lists of SUITE
#                              and of the suites that it needs, or of 'all', as if
#                              no package were installed
#   apt_versions REGEX         print what all suites have of the packages with such names:
#                              lines of package, version and suite
#   apt_failed LOG             print apt's own words out of LOG on stderr

readonly APT_DIR=$NVME_DBBUF_CACHE/apt

# Every release that can have a kernel from 5.10 on, and those to come by the name
# that Debian has given them.  A suite that the mirror lacks is passed over.
readonly APT_RELEASES="bullseye bookworm trixie forky duke"

_apt_suites()
{
	local release

	case $1 in
	all)
		for release in $APT_RELEASES; do
			_apt_suites "$release-backports"
		done
		_apt_suites sid
		;;
	sid)
		printf '%s\n' sid
		;;
	*-backports)
		_apt_suites "${1%-backports}"
		printf '%s\n' "$1"
		;;
	*)
		printf '%s\n' "$1" "$1-updates" "$1-security"
		;;
	esac
}

# The host's own mirror, from what apt makes of its configuration.  Origin and
# label are known only once the host has lists, which a container may not have;
# a stranger's archive that gets in then fails the signature check.
_apt_mirror()
{
	local kind=$1

	# shellcheck disable=SC2016 # the $(...) are apt's
	apt-get indextargets --format \
		'$(REPO_URI) $(COMPONENT) $(RELEASE) origin=$(ORIGIN)' \
		'Created-By: Packages' 2>/dev/null |
	awk -v kind="$kind" '
		$2 != "main" || $1 ~ /^(cdrom|file|copy):/ { next }
		$4 != "origin=Debian" && $4 != "origin=" { next }
		{ is = $3 ~ /-security$|\/updates$/ ? "security" : "main" }
		is == kind { if (!found || $4 == "origin=Debian") found = $1 }
		$4 == "origin=Debian" && is == kind { exit }
		END { if (found) print found }'
}

# Write the configuration for one set of suites, and print its path.
_apt_config()
{
	local set=$1 dir=$APT_DIR/$1 keyring main security suite uri

	main=$(_apt_mirror main)
	[ -n "$main" ] ||
		die 69 "apt's configuration names no Debian mirror; is this a Debian system?"
	security=$(_apt_mirror security)
	# By convention beside the main archive, on every mirror that has it.
	[ -n "$security" ] || security=${main%/}-security
	for keyring in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		[ ! -f "$keyring" ] || break
	done
	[ -f "$keyring" ] ||
		die 69 "Debian's keys are missing; install the package debian-archive-keyring"

	mkdir -p "$APT_DIR/lists/partial" "$APT_DIR/state" "$APT_DIR/none" \
		"$dir/archives/partial"
	: >"$APT_DIR/status"
	_apt_suites "$set" | while read -r suite; do
		uri=$main
		[[ $suite != *-security ]] || uri=$security
		# A suite out of support keeps a signature with a date that has
		# passed.  An old list means an old package to test with, no more.
		printf 'deb [arch=amd64 target=Packages check-valid-until=no signed-by=%s] %s %s main\n' \
			"$keyring" "$uri" "$suite"
	done >"$dir/sources.list"

	# A file, since only a file can clear the host's hooks, which would act on
	# the host.
	cat >"$dir/apt.conf" <<END
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
#clear APT::Default-Release;
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Retries "3";
Acquire::http::Timeout "20";
Acquire::Languages "none";
Debug::NoLocking "true";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "$APT_DIR/none";
Dir::Etc::preferences "$APT_DIR/none/preferences";
Dir::Etc::preferencesparts "$APT_DIR/none";
Dir::State "$APT_DIR/state";
Dir::State::lists "$APT_DIR/lists";
Dir::State::status "$APT_DIR/status";
Dir::Cache "$dir";
Dir::Cache::archives "archives";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Log "$dir";
END
	printf '%s\n' "$dir/apt.conf"
}

apt_private()
{
	local config set=$1 command=$2

	shift 2
	config=$(_apt_config "$set")
	with_lock apt "$command" -c "$config" "$@"
}

apt_versions()
{
	local names

	mapfile -t names < <(apt_private all apt-cache search --names-only "$1" | cut -d ' ' -f 1)
	# "linux-source-6.12 | 6.12.1-1 | URI trixie/main amd64 Packages"
	apt_private all apt-cache madison "${names[@]}" |
		sed -n 's,^ *\([^ ]*\) | *\([^ ]*\) | [^ ]* \([^/ ]*\)/.*,\1 \2 \3,p'
}

apt_refresh()
{
	with_lock apt _apt_refresh "$1"
}

_apt_refresh()
{
	local config stamp=$APT_DIR/stamp troubles

	config=$(_apt_config all)
	if [ -z "$(find "$stamp" -mmin "-$1" 2>/dev/null)" ] ||
	   ! cmp -s "$APT_DIR/all/sources.list" "$APT_DIR/fetched"; then
		need_space "$APT_DIR" 700
		note "fetching Debian's package lists"
		LC_ALL=C apt-get -c "$config" -q update >"$APT_DIR/log" 2>&1 || true
		# That a suite does not exist is no trouble.
		troubles=$(grep '^[EW]:' "$APT_DIR/log" |
			grep -v 'does not have a Release file' || true)
		find "$APT_DIR/lists" -maxdepth 1 -name '*_Packages*' | grep -q . || {
			apt_failed "$APT_DIR/log"
			die 69 "no package lists of the Debian archive could be fetched (apt's words are above)"
		}
		touch "$stamp"
		cp "$APT_DIR/all/sources.list" "$APT_DIR/fetched"
		if [ -n "$troubles" ]; then
			apt_failed "$APT_DIR/log"
			note "some package lists could not be fetched; older ones are used"
			# Neither wait for time-outs in every run, nor for a day.
			touch -d '-1430 minutes' "$stamp"
		fi
	fi
}

apt_failed()
{
	grep '^[EW]:' "$1" | grep -v 'does not have a Release file' | tail -n 5 >&2 || true
}
