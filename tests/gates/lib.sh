# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the gates share.  Source it after scripts/lib.sh.  It defines:
#
#   problem MESSAGE...      report one thing that is wrong, and go on
#   stop_on_problems        exit 1 when there was one
#   result NAME BEFORE      a line 'ok NAME', or 'FAIL NAME' when there were more
#                           problems since there were BEFORE; if $EACH is yes
#   find_kernel KERNEL      set TREE and NAME; KERNEL is a version, or a
#                           directory when it has a slash in it
#   make_series DIR         run $MKSERIES on TREE into the new directory DIR
#   patches DIR             list the patches in DIR, in order
#   patched_driver DIR      make the new directory DIR, with drivers/nvme/host of
#                           TREE as the series leaves it
#   touched PATCH...        list the files that these patches touch
#   copy_tree DIR           make DIR a copy of TREE that shares its unchanged
#                           files; then use_copy
#   use_copy DIR            set COPY, and GIT: a git command on its branch
#                           `base`, which holds $TRACKED
#   git_track PATCH...      have `base` hold what these patches touch, too
#
# Files of the copy must be replaced, never written into: git does that.

MKSERIES=$NVME_DBBUF_TOP/scripts/mkseries
SIGNOFF='Shadow Doorbell Gate <gate@example.org>'
TRACKED=(drivers/nvme include/linux/nvme.h MAINTAINERS)
PROBLEMS=0
EACH=no

problem()
{
	printf 'PROBLEM: %s\n' "$*"
	PROBLEMS=$((PROBLEMS + 1))
}

stop_on_problems()
{
	[ "$PROBLEMS" -eq 0 ] || die 1 "$PROBLEMS problem(s), see above"
}

result()
{
	[ "$EACH" = yes ] || return 0
	if [ "$PROBLEMS" -eq "$2" ]; then
		echo "ok $1"
	else
		echo "FAIL $1"
	fi
}

find_kernel()
{
	case $1 in
	*/*)
		[ -f "$1/Kbuild" ] || die 2 "$1 is not a kernel tree"
		TREE=$(readlink -f "$1")
		NAME=${TREE##*/}
		;;
	*)
		TREE=$("$NVME_DBBUF_TOP/scripts/getkernel" "$1")
		NAME=$1
		;;
	esac
}

# MKSERIES is a command with arguments: the self-test passes its twins by it.
make_series()
{
	local status=0

	need_series_tools
	# shellcheck disable=SC2086 # words
	$MKSERIES -o "$1" --signoff "$SIGNOFF" "$TREE" >&2 || status=$?
	[ "$status" -ne 69 ] || exit 69
	[ "$status" -eq 0 ] || {
		problem "$MKSERIES failed on $NAME (exit code $status)"
		stop_on_problems
	}
	[ -n "$(patches "$1")" ] || {
		problem "$MKSERIES wrote no patch for $NAME"
		stop_on_problems
	}
}

patches()
{
	find "$1" -maxdepth 1 -name '[0-9]*.patch' ! -name '0000-*' | sort
}

patched_driver()
{
	local list

	make_series "$1.series"
	mkdir -p "$1/drivers/nvme"
	cp -r "$TREE/drivers/nvme/host" "$1/drivers/nvme"
	mapfile -t list < <(patches "$1.series")
	# Not as a part of some checkout that the cache lies in.
	(cd "$1" && GIT_CEILING_DIRECTORIES=${1%/*} git apply \
		--include='drivers/nvme/host/*' "${list[@]}") ||
		die 69 "$NAME: cannot apply the series"
}

touched()
{
	git apply --numstat "$@" | cut -f 3 | sort -u
}

copy_tree()
{
	# Hard links do not cross file systems.
	cp -al "$TREE" "$1" 2>/dev/null || {
		rm -rf "$1"
		cp -a "$TREE" "$1"
	}
	use_copy "$1"
	rm -rf "$1.git"
	"${GIT[@]}" init -q -b base
	"${GIT[@]}" add -f -- "${TRACKED[@]}"
	"${GIT[@]}" commit -q -m base
}

# The repository lies beside the copy: a .git inside would change the version
# that the kernel's build gives itself.  The user's settings stay out of it.
use_copy()
{
	COPY=$1
	GIT=(env GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	     git --git-dir="$1.git" --work-tree="$1" -C "$1" -c gc.auto=0
	     -c user.name=gate -c user.email=gate@example.org)
}

git_track()
{
	local file new=()

	while read -r file; do
		[ -e "$COPY/$file" ] || continue
		"${GIT[@]}" ls-files --error-unmatch -- "$file" >/dev/null 2>&1 ||
			new+=("$file")
	done < <(touched "$@")
	[ "${#new[@]}" -eq 0 ] || {
		"${GIT[@]}" add -f -- "${new[@]}"
		"${GIT[@]}" commit -q -m base
	}
}
