package store_test

import (
	"testing"

	"github.com/rollcall-directory/rollcall/internal/store/storetest"
)

func TestSQLite(t *testing.T) { storetest.Run(t, storetest.Open) }
