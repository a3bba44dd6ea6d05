// A page opened as a file may be denied its storage: then it forgets, and works all the same.
const slot = (key) => `report:${location.pathname}:${key}`;

function remember(key, value) {
  try {
    sessionStorage.setItem(slot(key), JSON.stringify(value));
  } catch { /* denied */ }
}

function recall(key) {
  try {
    return JSON.parse(sessionStorage.getItem(slot(key)));
  } catch {
    return null;
  }
}
