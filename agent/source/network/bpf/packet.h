/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Where the parts of a packet are, and what its first bytes begin.
 */
#ifndef SAFELIGHT_PACKET_H
#define SAFELIGHT_PACKET_H

#include "../../kernel/types.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define TCP 6
#define UDP 17

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

/* is_dns knows the ports at which the decoder reads DNS. */
static __always_inline int is_dns(u16 port)
{
	return port == 53 || port == 1053 || port == 5053 || port == 5054 || port == 5335 || port == 9953;
}

/* Where a packet's parts are. */
struct parts {
	u32 l4;
	u32 payload;
	u32 seq;
	u16 sport, dport; /* in host order */
	u8 proto;
	u8 flags; /* of TCP */
};

/* transport finds UDP or TCP in the packet; false if there is neither. */
static __always_inline int transport(struct __sk_buff *skb, struct parts *p)
{
	u8 ip[8];

	if (bpf_skb_load_bytes(skb, 0, ip, sizeof(ip)))
		return 0;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 9, &p->proto, 1))
			return 0;
		p->l4 = (ip[0] & 15) * 4;
		/* only a first fragment has the header */
		return !((ip[6] & 0x1f) | ip[7]);
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6))
		return 0;
	p->proto = ip[6];
	p->l4 = 40;
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++) {
		u8 ext[2];

		if (p->proto == TCP || p->proto == UDP)
			return 1;
		/* hop-by-hop, routing and destination options */
		if (p->proto != 0 && p->proto != 43 && p->proto != 60)
			return 0;
		if (bpf_skb_load_bytes(skb, p->l4, ext, sizeof(ext)))
			return 0;
		p->proto = ext[0];
		p->l4 += (ext[1] + 1) * 8;
	}
	return p->proto == TCP || p->proto == UDP;
}

static __always_inline int find_parts(struct __sk_buff *skb, struct parts *p)
{
	u16 ports[2];
	u32 seq;
	u8 tcp[2];

	if (!transport(skb, p) || (p->proto != TCP && p->proto != UDP))
		return 0;
	if (bpf_skb_load_bytes(skb, p->l4, ports, sizeof(ports)))
		return 0;
	p->sport = bpf_ntohs(ports[0]);
	p->dport = bpf_ntohs(ports[1]);
	if (p->proto == UDP) {
		p->payload = p->l4 + 8;
		return 1;
	}
	if (bpf_skb_load_bytes(skb, p->l4 + 4, &seq, sizeof(seq)) || bpf_skb_load_bytes(skb, p->l4 + 12, tcp, sizeof(tcp)))
		return 0;
	p->seq = bpf_ntohl(seq);
	p->payload = p->l4 + (tcp[0] >> 4) * 4;
	p->flags = tcp[1];
	return 1;
}

/* begins_request says whether four bytes begin a plain HTTP request. */
static __always_inline int begins_request(const u8 *b)
{
	u32 word = (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];

	switch (word) {
	case 0x47455420: /* "GET " */
	case 0x504f5354: /* "POST" */
	case 0x48454144: /* "HEAD" */
	case 0x50555420: /* "PUT " */
	case 0x434f4e4e: /* "CONN"ECT */
	case 0x4f505449: /* "OPTI"ONS */
	case 0x44454c45: /* "DELE"TE */
	case 0x50415443: /* "PATC"H */
	case 0x54524143: /* "TRAC"E */
	case 0x50524920: /* "PRI " of HTTP/2 */
	case 0x50524f50: /* "PROP"FIND of WebDAV */
		return 1;
	}
	return 0;
}

/* begins_hello says whether a packet's payload begins a TLS ClientHello. */
static __always_inline int begins_hello(const u8 *b)
{
	return b[0] == 0x16 && b[1] == 3 && b[5] == 1;
}

/* quic says whether a datagram is, or begins with, a QUIC Initial, or with a
 * first packet of a version that nobody here can read. */
static __always_inline int quic(const u8 *b, struct parts *p)
{
	u32 version = (u32)b[1] << 24 | (u32)b[2] << 16 | (u32)b[3] << 8 | b[4];

	if ((b[0] & 0xc0) != 0xc0)
		return 0;
	if (version == 0x6b3343cf) /* version 2 numbers its packets differently */
		return (b[0] & 0x30) == 0x10;
	if (version == 1 || version >> 8 == 0xff0000)
		return (b[0] & 0x30) == 0x00;
	return p->dport == 443;
}

/* tunnel says whether a datagram may open a tunnel, which is counted. */
static __always_inline int tunnel(const u8 *b, u32 len, struct parts *p)
{
	if (b[0] == 1 && !(b[1] | b[2] | b[3]))
		return len == 148; /* WireGuard */
	if (b[0] == 0x38 || b[0] == 0x50)
		return len >= 14 && len <= 1200; /* OpenVPN */
	return p->dport == 500 || (p->dport == 4500 && !(b[0] | b[1] | b[2] | b[3])); /* IKE */
}

#endif
