package crest

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/rollcall-directory/rollcall/internal/scim"
)

// A version is that of the protocol or of a resource.
type version struct {
	major, minor int
}

func (v version) String() string { return fmt.Sprintf("%d.%d", v.major, v.minor) }

func (v version) less(w version) bool {
	return v.major < w.major || v.major == w.major && v.minor < w.minor
}

// The versions of the protocol that make a difference. Clients that name none
// speak protocol 2.1; createByPost is the first in which a POST without an
// action creates (AIC-036), countOnly the first with that parameter (AIC-165).
var (
	spoken       = version{2, 1}
	createByPost = version{2, 1}
	countOnly    = version{2, 2}
	newest       = version{2, 2}
	resource     = version{1, 0} // the one version of our resources
)

var versionPattern = regexp.MustCompile(`^([0-9]{1,6})(?:\.([0-9]{1,6}))?$`)

// acceptedVersions reads the header Accept-API-Version: protocol=M[.m],
// resource=M[.m], or both in either order (AIC-016 to AIC-020). It returns the
// version of the protocol.
func acceptedVersions(header []string) (version, error) {
	protocol := spoken
	if len(header) == 0 {
		return protocol, nil
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		digits := versionPattern.FindStringSubmatch(value)
		if digits == nil || name != "protocol" && name != "resource" || seen[name] {
			return protocol, badRequest(scim.RuleParameter, "The value '%s' for header 'Accept-API-Version' could not be parsed: "+
				"protocol=M[.m] and resource=M[.m] are possible, each once", strings.Join(header, ","))
		}
		seen[name] = true
		var v version
		v.major, _ = strconv.Atoi(digits[1])
		v.minor, _ = strconv.Atoi(digits[2]) // 0 when there is none
		switch {
		case name == "resource" && v != resource:
			return protocol, refuse(http.StatusNotAcceptable, scim.RuleParameter, "Resource version %s does not exist: the only one is %s", v, resource)
		case name == "resource":
		case v.major > newest.major:
			return protocol, badRequest(scim.RuleParameter, "Unsupported major version: %s", v)
		case v.minor > newest.minor:
			return protocol, badRequest(scim.RuleParameter, "Unsupported minor version: %s", v)
		default:
			protocol = v
		}
	}
	return protocol, nil
}
