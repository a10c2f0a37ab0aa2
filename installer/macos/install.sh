#!/bin/sh
# Installs the Safelight agent on this Mac, or upgrades it:
#   sudo ./install.sh [--enrol-file FILE] [--volume DIR]
# FILE (as examples/enrol.conf) is copied to where the agent looks for it, for root
# alone; it may as well be laid down before or after. --volume installs onto another
# volume, such as an image, and starts nothing.
set -eu
enrol='' volume=''
while [ $# -gt 0 ]; do
	case $1 in
	--enrol-file | --volume)
		[ $# -gt 1 ] || {
			echo "install.sh: $1 wants a value" >&2
			exit 2
		}
		if [ "$1" = --volume ]; then volume=${2%/}; else enrol=$2; fi
		shift 2
		;;
	*)
		echo "usage: sudo ./install.sh [--enrol-file FILE] [--volume DIR]" >&2
		exit 2
		;;
	esac
done
[ "$(id -u)" = 0 ] || {
	echo "install.sh: run it as root: sudo ./install.sh" >&2
	exit 1
}
if [ -n "$enrol" ] && [ ! -f "$enrol" ]; then
	echo "install.sh: there is no file $enrol" >&2
	exit 1
fi
here=$(cd "$(dirname "$0")" && pwd)
[ -n "$volume" ] || "$here/preinstall"

# A program that runs must not be written over: the new one takes its place.
lay() { # file, where, mode
	cp "$here/files/$1" "$volume$2.new"
	chown 0:0 "$volume$2.new"
	chmod "$3" "$volume$2.new"
	if command -v xattr >/dev/null; then xattr -c "$volume$2.new"; fi
	mv -f "$volume$2.new" "$volume$2"
}
umask 022
(cd "$here/files" && find . -type d) | while read -r dir; do
	[ -d "$volume/$dir" ] || mkdir -p "$volume/$dir"
done
(cd "$here/files" && find . -type f) | while read -r file; do
	mode=0644
	[ ! -x "$here/files/$file" ] || mode=0755
	lay "$file" "/${file#./}" "$mode"
done
if [ -n "$enrol" ]; then
	base="$volume/Library/Application Support/Safelight"
	(umask 077 && cp "$enrol" "$base/enrol.conf.new")
	mv -f "$base/enrol.conf.new" "$base/enrol.conf"
fi
exec "$here/postinstall" "" / "${volume:-/}"
