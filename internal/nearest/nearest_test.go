package nearest

import "testing"

func TestName(t *testing.T) {
	names := []string{"auctions", "bids", "persons", "Prices", "transforms", "from", "n"}
	for word, want := range map[string]string{
		"bid": "bids", "bdis": "bids", "BIDS": "bids", "acution": "auctions", "prices": "Prices",
		"transforms_": "transforms", "form": "from", "m": "n", "clicks": "", "frobnicate": "", "": "",
	} {
		if got := Name(word, names); got != want {
			t.Errorf("Name(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestHint(t *testing.T) {
	if got, want := Hint("bid", []string{"bids"}), "did you mean bids?"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Hint("clicks", []string{"a", "b"}), "known: a, b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Hint("clicks", make([]string, 13)); got != "" {
		t.Errorf("got %q, want nothing: the list is too long", got)
	}
}
