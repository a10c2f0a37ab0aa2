#!/usr/bin/env bash
# Makes the captures beside this folder again: real clients against lab's
# servers, in two network namespaces with segmentation offload off, so that
# ClientHellos span packets as they do on a wire. Needs root, ip, ethtool,
# tcpdump and the clients. Names are all under lab.example; no packet leaves.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(dirname "$here")
work=$(mktemp -d)
C=slcap-c S=slcap-s
pids=()
clean() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
	ip netns del $C 2>/dev/null || true
	ip netns del $S 2>/dev/null || true
	rm -rf "$work" /etc/netns/$C
}
trap clean EXIT
(cd "$here" && CGO_ENABLED=0 go build -tags grpcnotrace -o "$work/lab" .)

ip netns add $C && ip netns add $S
ip link add slcap0 netns $C type veth peer name slcap1 netns $S
mkdir -p /etc/netns/$C
printf 'nameserver 10.98.7.2\n' >/etc/netns/$C/resolv.conf
set_up() { # namespace device address4 address6
	ip -n "$1" link set lo up
	ip -n "$1" addr add "$3/24" dev "$2"
	ip -n "$1" addr add "$4/64" dev "$2" nodad
	ip netns exec "$1" ethtool -K "$2" tso off gso off gro off tx-udp-segmentation off >/dev/null 2>&1 || true
	ip -n "$1" link set "$2" up
}
set_up $C slcap0 10.98.7.1 fd98:7::1
set_up $S slcap1 10.98.7.2 fd98:7::2
ip netns exec $S "$work/lab" serve 10.98.7.2 fd98:7::2 >"$work/ready" 2>"$work/serve.log" &
pids+=($!)
for _ in $(seq 100); do grep -q ready "$work/ready" && break; sleep 0.1; done

# What the client sends, the server's SYNs and resets, and its small answers.
filter='src host 10.98.7.1 or src host fd98:7::1 or udp port 53 or (tcp and src port 53) or (udp and less 1400) or (tcp and tcp[13] & 6 != 0) or (ip6 and ip6[6] = 6 and ip6[53] & 6 != 0)'
take() { # name command...: captures one client
	local name=$1
	shift
	rm -f "$work/$name.pcap"
	ip netns exec $C tcpdump --immediate-mode -i slcap0 -s 0 -U -w "$work/$name.pcap" "($filter) and not icmp6 and not arp" >/dev/null 2>"$work/$name.log" &
	local dump=$!
	for _ in $(seq 100); do grep -q 'listening on' "$work/$name.log" && break; sleep 0.1; done
	HOME="$work" ip netns exec $C "$@" >"$work/$name.out" 2>&1 </dev/null || true
	sleep 0.5
	kill -INT $dump && wait $dump || true
	cp "$work/$name.pcap" "$out/$name.pcap"
	ls -l "$out/$name.pcap"
}
only=${1:-all}
want() { [ "$only" = all ] || [ "$only" = "$1" ]; }

want curl && take curl sh -c 'curl -sk -4 https://curl4.lab.example/; curl -sk -6 https://[fd98:7::2]/ -H "Host: x"; curl -sk https://curl6.lab.example/ --resolve curl6.lab.example:443:[fd98:7::2]; curl -s http://curlplain.lab.example/; curl -s --http2-prior-knowledge http://curlh2c.lab.example/ http://curlh2c.lab.example/two; curl -s --http2 http://curlup.lab.example/; curl -sk -x http://10.98.7.2:80 https://curlproxied.lab.example/; curl -s -x http://10.98.7.2:80 http://curlabsolute.lab.example/'
want openssl && take openssl sh -c 'openssl s_client -connect 10.98.7.2:443 -servername openssl12.lab.example -tls1_2 </dev/null; openssl s_client -connect [fd98:7::2]:443 -servername openssl13.lab.example -max_send_frag 512 </dev/null; openssl s_client -connect 10.98.7.2:443 -noservername </dev/null'
want dig && take dig sh -c 'dig +tries=1 dig.lab.example; dig +tries=1 -6 @fd98:7::2 dig6.lab.example AAAA; dig +tries=1 +tcp digtcp.lab.example; dig +tries=1 +noedns alias.lab.example; dig +tries=1 +tcp +keepopen tcpone.lab.example tcptwo.lab.example; dig +tries=1 gone.lab.example'
want go && take go "$work/lab" go go4.lab.example go-again.lab.example
want quicgo && take quicgo sh -c "$work/lab quic1 quicv1.lab.example; $work/lab quic2 quicv2.lab.example; $work/lab retry quicretry.lab.example; $work/lab shared shared1.lab.example shared2.lab.example shared3.lab.example"
want pipeline && take pipeline "$work/lab" pipeline pipe1.lab.example pipe2.lab.example pipe3.lab.example pipe4.lab.example pipe5.lab.example
quiet='--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync --disable-default-apps --no-first-run --metrics-recording-only --ignore-certificate-errors'
# Browsers call home by themselves; those names do not exist here.
home='MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND, MAP *.gstatic.com ~NOTFOUND'
want chromium && take chromium sh -c "timeout 12 chromium $quiet --user-data-dir=$work/c1 --disable-quic --host-resolver-rules='$home' --dump-dom https://chromium.lab.example/"
want chromiumquic && take chromiumquic sh -c "timeout 12 chromium $quiet --user-data-dir=$work/c2 --enable-quic --host-resolver-rules='$home' --origin-to-force-quic-on=chromiumquic.lab.example:443 --dump-dom https://chromiumquic.lab.example/"
mkdir -p "$work/ff"
cat >"$work/ff/user.js" <<'JS'
user_pref("app.normandy.enabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.safebrowsing.downloads.enabled", false);
user_pref("browser.newtabpage.enabled", false);
user_pref("browser.region.update.enabled", false);
user_pref("browser.search.update", false);
user_pref("captivedetect.canonicalURL", "");
user_pref("datareporting.healthreport.uploadEnabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.push.enabled", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("media.gmp-manager.updateEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:9/v1");
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.telemetry.unified", false);
JS
want firefox && take firefox sh -c "timeout 15 firefox-esr --headless --no-remote --profile $work/ff https://firefox.lab.example/"
exit 0
