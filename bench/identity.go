package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

// Served is what a server under measurement is: its binary, and its models by digest.
type Served struct {
	Binary string            `json:"binary"` // sha256 of the file; empty where the process is not known
	Models map[string]string `json:"models"` // name → the bundle's digest
}

// identify asks a server which models it serves, and reads its binary.
func identify(ctx context.Context, server Server) (Served, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/v1/models", http.NoBody)
	if err != nil {
		return Served{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return Served{}, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	var got struct {
		Models []struct{ Name, Digest string }
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&got); err != nil {
		return Served{}, fmt.Errorf("%s: %w", request.URL, err)
	}
	served := Served{Models: map[string]string{}}
	for _, model := range got.Models {
		served.Models[model.Name] = model.Digest
	}
	if server.PID != 0 {
		served.Binary, err = digest(fmt.Sprintf("/proc/%d/exe", server.PID))
	}
	return served, err
}

// digest is the SHA-256 of a file.
func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // only read
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", hash.Sum(nil)), nil
}
