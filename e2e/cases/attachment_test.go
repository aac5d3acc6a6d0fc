package cases

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wazo-matrix-relay/e2e/harness"
	"wazo-matrix-relay/e2e/stage"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// openWithFiles opens a fixture in which files cross, and returns a picture with its
// address at which the relay may fetch it.
func openWithFiles(t *testing.T, robin client) (s *fixture, picture []byte, address string) {
	t.Helper()
	var data bytes.Buffer
	pixels := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for i := range 60 * 40 {
		pixels.Set(i%60, i/60, color.RGBA{uint8(i), uint8(i >> 3), uint8(i >> 5), 255})
	}
	require.NoError(t, png.Encode(&data, pixels))
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(data.Bytes()) // the relay is gone: the test notices
	}))
	t.Cleanup(web.Close)
	port, err := harness.FreePort()
	require.NoError(t, err)
	listen := fmt.Sprintf("127.0.0.1:%d", port)
	s = open(t, robin, stage.Config{Env: map[string]string{
		"PUBLIC_URL": "http://" + listen + "/relay", "LISTEN": listen, "MEDIA_FETCH_HOSTS": strings.TrimPrefix(web.URL, "http://"),
		"AVATARS": "initials",
	}})
	return s, data.Bytes(), web.URL + "/dir/cat.png"
}

// sendFile has Robin send a file.
func (p *portal) sendFile(t *testing.T, name, mimeType string, data []byte) id.EventID {
	t.Helper()
	sent, err := p.Robin.SendFile(p.ctx, p.Matrix, harness.File{Name: name, MimeType: mimeType, MsgType: event.MsgImage, Data: data})
	require.NoError(t, err)
	return sent
}

var markdownLink = regexp.MustCompile(`\]\((http[^)]+)\)`)

// get follows a link.
func get(t *testing.T, link string) (*http.Response, []byte) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(link)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, body
}

func TestFilesCross(t *testing.T) {
	withEachClient(t, func(t *testing.T, robin client) {
		s, picture, address := openWithFiles(t, robin)
		inEachKind(t, func(t *testing.T, encrypted bool) { testFiles(t, s, picture, address, encrypted) })
	})
}

func testFiles(t *testing.T, s *fixture, picture []byte, address string, encrypted bool) {
	p := s.link(t, harness.RoomOptions{Encrypted: encrypted})

	t.Run("a file that Robin sends comes out of the link byte by byte", func(t *testing.T) {
		sent := p.sendFile(t, "cat \u202egpj.png", "image/png", picture)
		message := p.waitOnWazo(t, "📷 picture: [cat gpj.png](")
		link := markdownLink.FindStringSubmatch(message.Content)
		require.NotNil(t, link, message.Content)
		resp, body := get(t, link[1])
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Equal(t, picture, body)
		require.Equal(t, "image/png", resp.Header.Get("Content-Type"))

		_, err := p.Robin.Matrix().RedactEvent(p.ctx, p.Matrix, sent)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			resp, _ := get(t, link[1])
			return resp.StatusCode == http.StatusNotFound
		}, 20*time.Second, 50*time.Millisecond, "until it is redacted")
		s.requireNoTextInLog(t, strings.Split(link[1], "/")[5])
	})

	t.Run("a page is only offered to be saved", func(t *testing.T) {
		p.sendFile(t, "page.html", "text/html", []byte("<script>alert(1)</script>"))
		resp, body := get(t, markdownLink.FindStringSubmatch(p.waitOnWazo(t, "[page.html](").Content)[1])
		require.Equal(t, "<script>alert(1)</script>", string(body))
		require.Equal(t, "application/octet-stream", resp.Header.Get("Content-Type"))
		require.Equal(t, "attachment; filename=page.html", resp.Header.Get("Content-Disposition"))
	})

	for name, source := range map[string]string{
		"by its address":                    address,
		"that stands in the message itself": "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture),
	} {
		t.Run("a picture in a Wazo message "+name+" is a picture", func(t *testing.T) {
			p.post("Look: ![" + name + "](" + source + ")")
			p.waitOnMatrix(t, "Look: 📷 "+name)
			entry, err := p.Robin.WaitEvent(p.ctx, p.Matrix, harness.All(p.FromWazo(), func(evt *event.Event) bool {
				content := evt.Content.AsMessage()
				return content.MsgType == event.MsgImage && content.Body == "Alice Martin: "+name
			}))
			require.NoError(t, err)
			content := entry.Content.AsMessage()
			require.Equal(t, encrypted, content.File != nil)
			require.Equal(t, encrypted, content.URL == "")
			shown, err := p.Robin.ReadFile(p.ctx, content)
			require.NoError(t, err)
			require.Equal(t, picture, shown)
			require.Equal(t, 60, content.Info.Width)
		})
	}

	t.Run("who writes on Wazo has a picture", func(t *testing.T) {
		p.post("who am I?")
		profile := p.waitOnMatrix(t, "who am I?").Content.AsMessage().BeeperPerMessageProfile
		require.NotNil(t, profile)
		require.Equal(t, encrypted, profile.AvatarFile != nil)
		require.Equal(t, encrypted, profile.AvatarURL == nil)
		avatar := &event.MessageEventContent{File: profile.AvatarFile}
		if !encrypted {
			avatar.URL = *profile.AvatarURL
		}
		data, err := p.Robin.ReadFile(p.ctx, avatar)
		require.NoError(t, err)
		config, err := png.DecodeConfig(bytes.NewReader(data))
		require.NoError(t, err)
		require.Equal(t, 96, config.Width)
	})

	t.Run("a picture of this machine's network is not fetched", func(t *testing.T) {
		var connections atomic.Int64 // not requests: it has no certificate that would be trusted
		web := httptest.NewUnstartedServer(http.NotFoundHandler())
		web.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		}
		web.Start()
		defer web.Close()
		forbidden := strings.Replace(web.URL, "http://127.0.0.1", "https://localhost", 1) + "/cat.png"
		p.post("![secret](" + forbidden + ")")
		p.waitOnMatrix(t, "![secret]("+forbidden+")")
		require.Zero(t, connections.Load())
		get(t, web.URL)
		require.EqualValues(t, 1, connections.Load(), "one that is made is counted")
	})
	p.requireTalk(t)
}
