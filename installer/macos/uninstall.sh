#!/bin/sh
# Removes the Safelight agent from this Mac:
#   sudo '/Library/Application Support/Safelight/bin/uninstall.sh' [--purge] [--volume DIR]
# Configuration and state stay, with what waits to be sent; --purge removes them,
# and the device enrols as a new one afterwards.
set -eu
purge='' volume=''
while [ $# -gt 0 ]; do
	case $1 in
	--purge) purge=yes ;;
	--volume)
		[ $# -gt 1 ] || {
			echo "uninstall.sh: --volume wants a value" >&2
			exit 2
		}
		volume=${2%/}
		shift
		;;
	*)
		echo "usage: sudo uninstall.sh [--purge] [--volume DIR]" >&2
		exit 2
		;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || {
	echo "uninstall.sh: run it as root, with sudo" >&2
	exit 1
}
base="$volume/Library/Application Support/Safelight"
if [ -z "$volume" ]; then
	# The school hears that it was removed and not that it fell silent.
	[ ! -x "$base/bin/safelight-agent" ] || "$base/bin/safelight-agent" goodbye --reason removed >/dev/null 2>&1 || true
	[ ! -x "$base/bin/service" ] || "$base/bin/service" down || true
fi
rm -f "$volume/Library/LaunchDaemons/safelight-agent.plist" "$volume/Library/LaunchDaemons/safelight-agent-profile.plist"
rm -rf "$volume/Applications/Safelight - what this device records.app" "${base:?}/bin" "${base:?}/doc" "${base:?}/public"
if [ -n "$purge" ]; then
	rm -rf "$base/agent"
	rm -f "$base/enrol.conf" "$base/agent.yaml"
fi
rmdir "$base" 2>/dev/null || true
if [ -z "$volume" ] && command -v pkgutil >/dev/null; then
	pkgutil --forget safelight-agent.pkg >/dev/null 2>&1 || true
fi
exit 0
