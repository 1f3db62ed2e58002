package postgrestest

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// A Proxy passes on TCP connections to another address, and stalls or cuts
// them as a bad network does.
type Proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	changed *sync.Cond
	stalled bool
	refuses bool
	snipe   []string              // see CutAfter
	sniped  chan struct{}         // closed when that happens
	open    map[net.Conn]net.Conn // both ends of what is passed on
	running sync.WaitGroup
}

// NewProxy returns a proxy on loopback before target, host:port. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, open: map[net.Conn]net.Conn{}}
	p.changed = sync.NewCond(&p.mu)
	p.running.Go(p.accept)
	t.Cleanup(func() {
		l.Close()
		p.Cut()
		p.running.Wait()
	})
	return p
}

// Address returns the proxy's, host:port.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Cut breaks all connections and refuses new ones, until Restore. What is on its way is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses, p.stalled = true, false
	p.changed.Broadcast()
	for client, server := range p.open {
		sever(client, server)
	}
}

// Stall lets nothing through any more, and breaks nothing, until Restore.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = true
}

// Restore ends Cut and Stall.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuses, p.stalled = false, false
	p.changed.Broadcast()
}

// CutAfter breaks the next connection that sends the texts to the server, one
// after the other: the server gets the last and answers, the client does not
// learn what. The channel is closed when that has happened. Other connections go on.
func (p *Proxy) CutAfter(texts ...string) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.snipe, p.sniped = texts, make(chan struct{})
	return p.sniped
}

// sever closes both with a reset, so that nobody takes it for an orderly end.
func sever(conns ...net.Conn) {
	for _, c := range conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		c.Close()
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		refuses := p.refuses
		p.mu.Unlock()
		if refuses {
			sever(client)
			continue
		}
		p.running.Go(func() { p.pass(client) })
	}
}

// pass carries one connection to its end.
func (p *Proxy) pass(client net.Conn) {
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		sever(client)
		return
	}
	p.mu.Lock()
	p.open[client] = server
	if p.refuses { // since it was accepted
		sever(client, server)
	}
	p.mu.Unlock()
	var doomed, sniped chan struct{} // doomed is told when the answer that must not arrive is here
	seen := 0                        // texts of CutAfter, of the call that made sniped
	var both sync.WaitGroup
	both.Go(func() {
		p.copy(server, client, func(data []byte) bool {
			if sniped != p.sniped {
				sniped, seen = p.sniped, 0
			}
			for seen < len(p.snipe) && bytes.Contains(data, []byte(p.snipe[seen])) {
				seen++
			}
			if p.snipe != nil && seen == len(p.snipe) {
				p.snipe, doomed = nil, p.sniped
			}
			return true
		})
	})
	both.Go(func() {
		p.copy(client, server, func([]byte) bool {
			if doomed != nil {
				close(doomed)
				doomed = nil
				return false
			}
			return true
		})
	})
	both.Wait()
	p.mu.Lock()
	delete(p.open, client)
	p.mu.Unlock()
}

// copy passes data on while let, called with p.mu held, allows it, and ends both
// connections after that.
func (p *Proxy) copy(to, from net.Conn, let func([]byte) bool) {
	defer sever(to, from)
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		for p.stalled {
			p.changed.Wait()
		}
		pass := n == 0 || let(buffer[:n])
		p.mu.Unlock()
		if !pass {
			return
		}
		if _, werr := to.Write(buffer[:n]); err != nil || werr != nil {
			return
		}
	}
}
