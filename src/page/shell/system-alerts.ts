const BEEP_S = 0.18;
const BEEP_HZ = 660;

/** Shows a notification of the system, where the reader has allowed it. */
export function notify(title: string, body: string, onClick: () => void): void {
  if (!('Notification' in window) || Notification.permission !== 'granted') return;
  try {
    const shown = new Notification(title, { body, tag: title });
    shown.onclick = () => {
      window.focus();
      shown.close();
      onClick();
    };
  } catch {
    // Chromium on Android shows notifications of service workers only.
  }
}

/** A short soft tone, made here: the page loads no sound. */
export function beep(): void {
  try {
    const audio = new AudioContext();
    const [tone, volume] = [audio.createOscillator(), audio.createGain()];
    tone.frequency.value = BEEP_HZ;
    volume.gain.setValueAtTime(0.12, audio.currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + BEEP_S);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + BEEP_S);
    tone.onended = () => void audio.close();
  } catch {
    // No sound device, or the page has had no click yet.
  }
}
