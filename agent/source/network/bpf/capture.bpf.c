//go:build ignore
/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * Sends the few packets that carry host names up to user space, each with its
 * owner. It sits on a cgroup of version 2 and so sees the sockets of every
 * process in it and below it, containers included, whatever network namespace
 * they are in, and no packet that this machine only passes on (G11).
 *
 *   connect4/6, sendmsg4/6   note on the socket who is at it
 *   egress                   SYNs, the first bytes of what TCP says,
 *                            DNS questions, QUIC Initials
 *   ingress                  DNS answers, resets before a first answer
 *
 * What is remembered of a flow is stored on its socket: it goes with it, and a
 * port that is used again is a new socket.
 */
#include "packet.h"
#include "../../kernel/path.h"

char _license[] SEC("license") = "Dual BSD/GPL";


#define SNAP 8192        /* of a packet, at most */
#define HELLO_MORE 1024  /* for the headers of a hello that is spread over records */
#define HELLO_MOST 65536
#define HTTP_MOST 65536  /* of a connection's first bytes; then only what begins a request */
#define DNS_MOST 262144  /* of a DNS connection, each way */
#define UNSURE 8192      /* while the first bytes do not say what they are */
#define OTHER_MOST 512   /* of what is neither: a greeting before a hello (STARTTLS), a tunnel's first word */

/* A program run by a process: pids and processes' numbers of programs repeat. */
struct program_key {
	u64 started; /* of the process, boot clock, ns */
	u64 exec;    /* counts the programs that the process has run */
	u32 tgid;
	u32 pad;
};

enum says { NOTHING_YET, HELLO, HTTP, OTHER, ENOUGH };

struct flow {
	struct program_key by;
	u32 uid;
	u32 base;    /* sequence number of the first byte said */
	u32 want;    /* how many bytes from there are sent up */
	u32 heard;   /* bytes of DNS answers sent up */
	u8 says;     /* enum says */
	u8 known;    /* by and uid hold something */
	u8 reset;    /* a reset was sent up */
	u8 pad[5];
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct flow);
} flows SEC(".maps");

/* The programs that user space has been told of. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct program_key);
	__type(value, u8);
} told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2 * 1024 * 1024);
} events SEC(".maps");

/* How many records found no room in the ring. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} lost SEC(".maps");

#define PROGRAM 1
#define PACKET 2

/* Sent up once for each program, before its first packet; cut after the path. */
struct program {
	u32 kind;
	u32 ppid;
	struct program_key key;
	char comm[16];
	struct names path;
};

enum flags {
	INGRESS = 1,
	UNANSWERED = 2, /* a reset of a connection that was made, before it carried anything back */
};

/* Sent up for each packet, from its IP header on; cut after the packet. */
struct packet {
	u32 kind;
	u32 interface;
	u64 at; /* boot clock, ns */
	u64 cookie;
	struct program_key by;
	u32 uid;
	u8 known;
	u8 flags; /* enum flags */
	u16 gso; /* the length of each datagram if several are in this packet */
	u8 bytes[SNAP];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct program);
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct packet);
} packets SEC(".maps");

static __always_inline void count_lost(void)
{
	u32 zero = 0;
	u64 *n = bpf_map_lookup_elem(&lost, &zero);

	if (n)
		(*n)++;
}

/* tell_program tells user space of the program at hand, the first time. */
static __always_inline void tell_program(struct program_key *key, struct task_struct *leader)
{
	struct program *p;
	struct task_struct *parent;
	u32 zero = 0, n;
	u8 yes = 1;

	if (bpf_map_lookup_elem(&told, key))
		return;
	p = bpf_map_lookup_elem(&programs, &zero);
	if (!p)
		return;
	parent = BPF_CORE_READ(leader, real_parent);
	p->kind = PROGRAM;
	p->key = *key;
	p->ppid = BPF_CORE_READ(parent, tgid);
	BPF_CORE_READ_STR_INTO(&p->comm, leader, comm);
	walk_path(BPF_CORE_READ(leader, mm, exe_file), &p->path);
	n = p->path.len;
	if (n > PATH_ROOM)
		n = 0;
	if (bpf_ringbuf_output(&events, p, __builtin_offsetof(struct program, path.bytes) + n, 0))
		count_lost(); /* and is told again with the next connection */
	else
		bpf_map_update_elem(&told, key, &yes, BPF_ANY);
}

/* note writes down on the socket who connects it or sends through it. */
static __always_inline int note(struct bpf_sock_addr *ctx, int connect)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct program_key key = {
		.started = BPF_CORE_READ(leader, start_boottime),
		.exec = BPF_CORE_READ(leader, self_exec_id),
		.tgid = bpf_get_current_pid_tgid() >> 32,
	};
	struct flow *f;

	if (!ctx->sk)
		return 1;
	f = bpf_sk_storage_get(&flows, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!f)
		return 1;
	if (connect) {
		f->says = NOTHING_YET;
		f->want = 0;
		f->heard = 0;
		f->reset = 0;
	}
	f->by = key;
	f->uid = (u32)bpf_get_current_uid_gid();
	f->known = 1;
	tell_program(&key, leader);
	return 1;
}

SEC("cgroup/connect4")
int on_connect4(struct bpf_sock_addr *ctx) { return note(ctx, 1); }

SEC("cgroup/connect6")
int on_connect6(struct bpf_sock_addr *ctx) { return note(ctx, 1); }

SEC("cgroup/sendmsg4")
int on_sendmsg4(struct bpf_sock_addr *ctx) { return note(ctx, 0); }

SEC("cgroup/sendmsg6")
int on_sendmsg6(struct bpf_sock_addr *ctx) { return note(ctx, 0); }

/* send_up sends the packet's first len bytes to user space. */
static __always_inline void send_up(struct __sk_buff *skb, struct flow *f, u64 len, u8 flags)
{
	u32 zero = 0;
	struct packet *e = bpf_map_lookup_elem(&packets, &zero);

	if (!e)
		return;
	if (len > skb->len)
		len = skb->len;
	barrier_var(len); /* so that the verifier sees the checks that follow */
	if (len > SNAP)
		len = SNAP;
	if (len < 1 || bpf_skb_load_bytes(skb, 0, e->bytes, len))
		return;
	e->kind = PACKET;
	e->interface = skb->ifindex;
	e->at = bpf_ktime_get_boot_ns();
	e->cookie = bpf_get_socket_cookie(skb);
	e->known = 0;
	if (f && f->known) {
		e->known = 1;
		e->by = f->by;
		e->uid = f->uid;
	}
	e->flags = flags;
	e->gso = skb->gso_size;
	if (bpf_ringbuf_output(&events, e, __builtin_offsetof(struct packet, bytes) + len, 0))
		count_lost();
}

/* judge reads a connection's first bytes and says how many are wanted. */
static __always_inline void judge(struct __sk_buff *skb, struct parts *p, struct flow *f)
{
	u8 b[9] = {};
	u32 hello, record;

	f->base = p->seq;
	if (is_dns(p->dport)) {
		f->says = HELLO;
		f->want = DNS_MOST;
		return;
	}
	if (bpf_skb_load_bytes(skb, p->payload, b, sizeof(b))) {
		f->says = HELLO; /* fewer than nine bytes: the decoder will tell */
		f->want = UNSURE;
		return;
	}
	if (begins_hello(b)) {
		record = (u32)b[3] << 8 | b[4];
		hello = (u32)b[6] << 16 | (u32)b[7] << 8 | b[8];
		f->says = HELLO;
		f->want = 9 + hello;
		if (record < hello + 4)
			f->want += HELLO_MORE;
		if (f->want > HELLO_MOST)
			f->want = HELLO_MOST;
	} else if (begins_request(b)) {
		f->says = HTTP;
		f->want = HTTP_MOST;
	} else {
		f->says = OTHER;
		f->want = OTHER_MOST;
	}
}

static __always_inline void tcp_out(struct __sk_buff *skb, struct bpf_sock *sk, struct parts *p)
{
	struct flow *f = bpf_sk_storage_get(&flows, sk, 0, 0);
	u32 at, len;
	u8 b[6] = {};

	if ((p->flags & (SYN | ACK)) == SYN) {
		p->seq++; /* data on a SYN (fast open) follows its number */
		if (!f || skb->len <= p->payload) {
			send_up(skb, f, p->payload, 0);
			return;
		}
	}
	if (p->payload >= skb->len) {
		/* The end of a connection that was made, and on which nothing is said. */
		if (f && f->known && f->says == NOTHING_YET && (p->flags & FIN))
			send_up(skb, f, p->payload, 0);
		return;
	}
	if (f && f->says == ENOUGH)
		return;
	len = skb->len - p->payload;
	bpf_skb_load_bytes(skb, p->payload, b, sizeof(b));
	if (!f) {
		/* Accepted, or connected before this program was there: a hello tells
		 * which, and is sent up without an owner. */
		if (!begins_hello(b))
			return;
		f = bpf_sk_storage_get(&flows, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
		if (!f)
			return;
	}
	if (f->says == NOTHING_YET || (f->says != HELLO && begins_hello(b)))
		judge(skb, p, f);
	at = p->seq - f->base;
	if (at < f->want) {
		if (len > f->want - at)
			len = f->want - at;
		send_up(skb, f, p->payload + len, 0);
		if (f->says == HELLO && at + len >= f->want)
			f->says = ENOUGH;
		return;
	}
	if (f->says == HTTP && begins_request(b))
		send_up(skb, f, p->payload + len, 0);
	else if (f->says == OTHER)
		f->says = ENOUGH;
}

static __always_inline int wanted(struct __sk_buff *skb, struct parts *p)
{
	u8 b[5];

	if (is_dns(p->dport))
		return 1;
	if (p->payload >= skb->len || bpf_skb_load_bytes(skb, p->payload, b, sizeof(b)))
		return 0;
	return quic(b, p) || tunnel(b, skb->len - p->payload, p);
}

SEC("cgroup_skb/egress")
int on_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct parts p = {};

	if (!sk || !find_parts(skb, &p))
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	if (p.proto == TCP)
		tcp_out(skb, sk, &p);
	else if (wanted(skb, &p))
		send_up(skb, bpf_sk_storage_get(&flows, sk, 0, 0), SNAP, 0);
	return 1;
}

SEC("cgroup_skb/ingress")
int on_ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct parts p = {};
	struct flow *f;
	u32 len;

	if (!sk || !find_parts(skb, &p))
		return 1;
	if (!is_dns(p.sport) && !(p.proto == TCP && p.flags & RST))
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	f = bpf_sk_storage_get(&flows, sk, 0, 0);
	if (p.proto == UDP) {
		send_up(skb, f, SNAP, INGRESS);
		return 1;
	}
	if (!f || !f->known)
		return 1; /* of a connection that others made to here */
	if (p.flags & RST) {
		struct bpf_tcp_sock *tp = bpf_tcp_sock(sk);

		if (tp && tp->bytes_received == 0 && !f->reset) {
			f->reset = 1;
			send_up(skb, f, p.payload, sk->state == BPF_TCP_SYN_SENT ? INGRESS : INGRESS | UNANSWERED);
		}
		return 1;
	}
	if (p.payload >= skb->len || f->heard >= DNS_MOST)
		return 1;
	len = skb->len - p.payload;
	f->heard += len;
	send_up(skb, f, p.payload + len, INGRESS);
	return 1;
}
