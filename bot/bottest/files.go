package bottest

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// Files is the part of a homeserver that keeps files.
type Files struct {
	mu    sync.Mutex
	files map[string][]byte // mxc URI → content
}

// NewFiles returns a place for files that is empty.
func NewFiles() *Files { return &Files{files: make(map[string][]byte)} }

// Mount adds the endpoints to a homeserver.
func (f *Files) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /_matrix/client/v1/media/download/{server}/{id}", f.download)
	mux.HandleFunc("POST /_matrix/media/v3/upload", f.upload)
}

// Put stores a file under an mxc URI.
func (f *Files) Put(uri string, content []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files[uri] = content
}

// Get returns the file with an mxc URI, nil if there is none.
func (f *Files) Get(uri string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.files[uri]
}

// Len returns how many files are stored.
func (f *Files) Len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.files)
}

func (f *Files) download(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	content, ok := f.files["mxc://"+r.PathValue("server")+"/"+r.PathValue("id")]
	f.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errcode":"M_NOT_FOUND","error":"no"}`)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(content) // the client hung up: nothing to do
}

func (f *Files) upload(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"errcode":"M_UNKNOWN","error":"the request breaks off"}`)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	uri := fmt.Sprintf("mxc://a.example/upload%d", len(f.files))
	f.files[uri] = content
	fmt.Fprintf(w, `{"content_uri":%q}`, uri)
}
