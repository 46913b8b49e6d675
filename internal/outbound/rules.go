package outbound

import (
	"fmt"
	"net/netip"
	"slices"
)

// Rules say which addresses users may name. Loopback and unspecified addresses are refused, where the controller's own pod serves
// what is not for users, and link-local ones and metadata services, where clouds give credentials to nodes.
type Rules struct {
	// Node are the addresses of the controller's node. They are refused: policies for the network rarely hold between a node and
	// its own pods, and nodes serve what is not for users.
	Node []netip.Addr
	// Allow are addresses that may be reached although they would be refused.
	Allow []netip.Prefix
}

// metadata are the addresses, other than link-local ones, at which clouds serve secrets to their nodes: those of AWS, Google
// and Oracle over IPv6, and those of Alibaba and Azure.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("fd00:c1::a9fe:a9fe"),
	netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("168.63.129.16"),
}

// translated are the IPv6 addresses through which NAT64 reaches IPv4.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// tunnels are other IPv6 addresses that stand for IPv4 ones, in ways that differ between networks: local NAT64, 6to4, Teredo,
// IPv4-translated and IPv4-compatible addresses.
var tunnels = []netip.Prefix{
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("::ffff:0:0:0/96"), netip.MustParsePrefix("::/96"),
}

// check returns why an address is refused.
func (r Rules) check(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	allowed := r.allows(ip)
	if translated.Contains(ip) {
		bytes := ip.As16()
		ip = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	switch {
	case allowed, r.allows(ip):
		return nil
	case ip.IsLoopback(), ip.IsUnspecified():
		return fmt.Errorf("the address %s is the controller's own pod, which only the pod itself may call: %s", ip, instead)
	case ip.IsLinkLocalUnicast():
		return fmt.Errorf("the address %s is link-local, which only nodes may call: %s", ip, instead)
	case slices.Contains(metadata, ip):
		return fmt.Errorf("the address %s is a cloud metadata address, which only nodes may call: %s", ip, instead)
	case slices.Contains(r.Node, ip):
		return fmt.Errorf("the address %s is the controller's own node, which only nodes may call: %s", ip, instead)
	case slices.ContainsFunc(tunnels, func(tunnel netip.Prefix) bool { return tunnel.Contains(ip) }):
		return fmt.Errorf("the address %s stands for an IPv4 address, which may be one that only nodes may call: %s", ip, instead)
	}
	return nil
}

func (r Rules) allows(ip netip.Addr) bool {
	return slices.ContainsFunc(r.Allow, func(allowed netip.Prefix) bool { return allowed.Contains(ip) })
}
